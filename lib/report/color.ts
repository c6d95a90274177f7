// Colours: whether, and which.
import { RESET } from './clean.ts';

/** Whether to colour what goes to a stream. FORCE_COLOR decides, then NO_COLOR, then whether a terminal is there. */
export function wantsColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (no !== undefined && no !== '') return false;
  return stream.isTTY === true && term !== 'dumb';
}

/** Legible on dark and on light; red is for failures. */
const palette = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

/** The colour of a label: the same each time, in each process. */
export function colorOf(label: string): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return palette[(hash >>> 0) % palette.length]!;
}

/** SGR number: what has failed. */
export const RED = 31;
/** SGR number: what matters less. */
export const DIM = 2;

/** Text in a colour, by its SGR number. */
export function paint(color: number, text: string): string {
  return `\x1b[${color}m${text}${RESET}`;
}
