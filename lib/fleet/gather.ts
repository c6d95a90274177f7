// Which hosts have the same: results and failures by what matters of them, not by how long they took or where they were.
import { sha256 } from '../store/digest.ts';
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { isRunError, type Outcome } from '../kernel/index.ts';

/** Values that are the same to a reader have the same text; long ones a digest. */
export function likeness(outcome: Outcome<unknown>): string {
  if (outcome.type === 'finished') return `finished ${valueText(outcome.value)}`;
  if (outcome.type === 'killed') return `killed ${outcome.by}`;
  const { error } = outcome;
  if (!isRunError(error)) return `failed ${error.name} ${error.message}`;
  return digest(`failed ${JSON.stringify(error.reason)}\0${error.stdout}\0${error.stderr}`);
}

/** The same for a value alone. */
export function valueText(value: unknown): string {
  if (typeof value === 'string') return digest(`string ${value}`);
  return digest(inspect(isProgramResult(value) ? essence(value) : value, WHOLLY));
}

const WHOLLY = {
  depth: Infinity,
  breakLength: Infinity,
  compact: true,
  sorted: true,
  maxArrayLength: Infinity,
  maxStringLength: Infinity,
} as const;

/** What a program gives. */
interface ProgramLike {
  readonly exitCode: unknown;
  readonly signal: unknown;
  readonly stdout: unknown;
  readonly stderr: unknown;
}

function isProgramResult(value: unknown): value is ProgramLike {
  return typeof value === 'object' && value !== null && 'exitCode' in value && 'stdout' in value && 'stderr' in value;
}

function essence({ exitCode, signal, stdout, stderr }: ProgramLike): readonly unknown[] {
  return [exitCode, signal, stdout, stderr].map((part) => (Buffer.isBuffer(part) ? sha256(part) : part));
}

function digest(text: string): string {
  return text.length <= 200 ? text : createHash('sha256').update(text).digest('base64');
}

/** Things of the same key together, the largest group first; of equal ones that which came first. */
export function gather<T>(things: Iterable<T>, key: (thing: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const name = key(thing);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [thing]);
    else group.push(thing);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}
