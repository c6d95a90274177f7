import { sha256of } from '../../store/digest.ts';

/** The name of the record of an output. */
export function recordName(output: string): string {
  return sha256of(['output', output]);
}

/** The name of the record of a step without outputs. */
export function labelRecordName(label: string): string {
  return sha256of(['label', label]);
}
