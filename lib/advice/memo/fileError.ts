import { RunError } from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';

/** The failure of a run for a file of this machine. */
export function fileError({ id: run, spec, label }: RunRecord, path: string, hint: string, cause?: unknown): RunError {
  return new RunError({ reason: { type: 'file', path }, run, spec, label, hint, cause });
}
