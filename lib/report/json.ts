import { inspect } from 'node:util';
import { messageOf } from '../kernel/error.ts';
import { isRunner, type Event } from '../kernel/index.ts';
import { Screen, type ReportOptions } from './screen.ts';

/** What a settled run gave may hold all that it printed, which was told line by line: of longer strings the tail is kept. */
const TAIL = 8 * 1024;
const DEEPEST = 100;

/**
 * A report that writes each event as one line of JSON to stdout, for other programs.
 *
 * Errors become `{ name, message, … }` with their fields (`reason`, `run`, …) and `cause`; bytes `{ base64 }`; runs `{ run }`;
 * bigints and numbers that JSON has no word for strings; maps lists of pairs, sets lists; what contains itself '[circular]'. Of
 * the strings in an outcome the last 8 KiB are kept.
 */
export function json(options: ReportOptions = {}): (event: Event) => void {
  const screen = new Screen(options);
  return (event) => screen.write('out', `${stringify(event)}\n`);
}

/** An event as JSON, whatever is in it. */
export function stringify(event: Event): string {
  if (event.type === 'item') return JSON.stringify({ ...event, item: new Walk(Infinity).value(event.item) ?? null });
  if (event.type === 'settle') return JSON.stringify({ ...event, outcome: new Walk(TAIL).value(event.outcome) });
  return JSON.stringify(event);
}

/** Turns a value into one that JSON.stringify takes as it is. */
class Walk {
  readonly #tail: number;
  readonly #ancestors: unknown[] = [];

  constructor(tail: number) {
    this.#tail = tail;
  }

  value(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return value.length <= this.#tail ? value : `…${value.slice(-this.#tail)}`;
      case 'bigint':
        return String(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'object':
        return value === null ? null : this.#object(value);
      case 'boolean':
        return value;
      default:
        return undefined; // as JSON has it: left out
    }
  }

  #object(value: object): unknown {
    if (this.#ancestors.includes(value)) return '[circular]';
    if (this.#ancestors.length >= DEEPEST) return '[deep]';
    this.#ancestors.push(value);
    try {
      return this.#known(value);
    } catch (error) {
      return `[${inspect(error, { depth: 0, breakLength: Infinity }).split('\n', 1)[0]!}]`; // a getter of the user's threw
    } finally {
      this.#ancestors.pop();
    }
  }

  #known(value: object): unknown {
    if (value instanceof Uint8Array) return this.#bytes(value);
    if (value instanceof Error) return this.#error(value);
    if (Array.isArray(value)) return value.map((element) => this.value(element) ?? null);
    if (value instanceof Map || value instanceof Set) return this.value([...value]);
    if (isRunner(value)) return { spec: value.spec };
    const { id, join, toJSON } = value as { id?: unknown; join?: unknown; toJSON?: unknown };
    if (typeof id === 'string' && typeof join === 'function') return { run: id };
    if (typeof toJSON === 'function') return this.value((toJSON as () => unknown).call(value));
    return this.#fields(value);
  }

  #fields(value: object): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(value)) fields[name] = this.value(field);
    return fields;
  }

  #error(error: Error): Record<string, unknown> {
    const { name, cause } = error;
    const message = messageOf(error);
    const fields: Record<string, unknown> = { name, message, ...this.#fields(error) };
    if (cause !== undefined) fields['cause'] = this.value(cause);
    if (error instanceof AggregateError) fields['errors'] = this.value(error.errors);
    return fields;
  }

  #bytes(value: Uint8Array): Record<string, unknown> {
    const tail = value.subarray(Math.max(0, value.length - this.#tail));
    const base64 = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength).toString('base64');
    return tail.length === value.length ? { base64 } : { base64, dropped: value.length - tail.length };
  }
}
