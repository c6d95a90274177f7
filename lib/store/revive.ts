// The way back from what reduce.ts made: its Sets, as soon as all of their members are there.
import type { ParseOperations } from 'devalue';
import { errors } from './builtIns.ts';
import { knownByName, type Known } from './classes.ts';
import { fieldName } from './fieldNames.ts';

type Fields = Readonly<Record<string, unknown>>;

const bad = (problem: string): TypeError => new TypeError(`deserialize: ${problem}`);

/** One reading of one text. */
export class Revival {
  /** What each Set stands for. */
  #values = new Map<object, unknown>();
  /** Instances that have been referred to, by a cycle, before their fields were there. */
  #unfilled = new Set<unknown>();

  readonly revive = (set: unknown): unknown => {
    if (!(set instanceof Set)) throw bad('a value of a type has to be in a Set');
    if (this.#values.has(set) && !this.#unfilled.has(this.#values.get(set))) return this.#values.get(set);
    const [head, ...parts] = set as Set<unknown>;
    if (typeof head !== 'string') throw bad('a type must be a text');
    const space = head.indexOf(' ');
    const kind = space === -1 ? head : head.slice(0, space);
    const name = head.slice(kind.length + 1);
    const value =
      kind === 'error' || kind === 'class' ? this.#fielded(set, kind, name, parts) : made(kind, name, parts);
    this.#values.set(set, value);
    return value;
  };

  /** Throws where the text ended before something was whole. */
  finish(): void {
    if (this.#unfilled.size > 0) throw bad('a value that is referred to is nowhere given whole');
  }

  #fielded(set: object, kind: 'error' | 'class', name: string, parts: readonly unknown[]): unknown {
    const known = kind === 'class' ? registered(name) : undefined;
    if (known?.serialize !== undefined) throw bad(`${name} was kept by its fields, and has functions for it now`);
    const error = known === undefined || known.error;
    if (known === undefined && !(name in errors) && name !== 'DOMException')
      throw bad(`there is no error named ${name}`);
    const needed = error ? 2 : 1;
    if (parts.length > needed || parts.some((part) => !isFields(part)))
      throw bad(`what ${name} is made of must be fields`);
    const whole = parts.length === needed;
    const [fields, hidden] = parts as Fields[];
    let value = this.#values.get(set) as object | undefined;
    if (name === 'DOMException' && known === undefined) {
      if (!whole) throw bad('a DOMException refers to itself');
      value = domException(hidden!);
    } else
      value ??=
        known === undefined || known.error
          ? bare(known?.prototype, errors[name])
          : (Object.create(known.prototype) as object);
    if (!whole) {
      this.#unfilled.add(value);
      return value;
    }
    define(value, fields!, true);
    if (hidden !== undefined && name !== 'DOMException') define(value, hidden, false);
    this.#unfilled.delete(value);
    if (known?.check(value) === false) throw bad(`this is no whole ${name}`);
    return value;
  }

  readonly operations: Partial<ParseOperations> = {
    set(target: object, key: string | number, value: unknown) {
      const name = typeof key === 'string' ? fieldName(key) : key;
      if (name === '__proto__') define(target, { ['__proto__']: value }, true);
      else (target as Record<string | number, unknown>)[name] = value;
    },
  };
}

const isFields = (part: unknown): part is Fields =>
  typeof part === 'object' && part !== null && Object.getPrototypeOf(part) === Object.prototype;

function registered(name: string): Known {
  const known = knownByName(name);
  if (known === undefined) throw bad(`no class is registered as '${name}' here: call registerClass before reading`);
  return known;
}

function define(target: object, fields: Fields, enumerable: boolean): void {
  for (const key of Object.keys(fields))
    Object.defineProperty(target, key, { value: fields[key], writable: true, enumerable, configurable: true });
}

/** An error without anything of its own. */
function bare(prototype: object | undefined, make = () => new Error()): Error {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    const error = make();
    for (const key of Reflect.ownKeys(error)) Reflect.deleteProperty(error, key);
    return prototype === undefined ? error : (Object.setPrototypeOf(error, prototype) as Error);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function domException({ name, message, ...hidden }: Fields): object {
  if (typeof name !== 'string' || typeof message !== 'string') throw bad('a DOMException needs name and message');
  const error = new DOMException(message, name);
  define(error, hidden, false);
  return error;
}

/** Values that are made at once, of whole parts. */
function made(kind: string, name: string, parts: readonly unknown[]): unknown {
  const [part] = parts;
  if (kind === 'symbol' && parts.length === 0) return Symbol.for(name);
  if (parts.length !== 1) throw bad(`${kind} ${name} is not made of one part, or refers to itself`);
  switch (kind) {
    case 'buffer':
      if (part instanceof ArrayBuffer) return Buffer.from(part);
      break;
    case 'regexp':
      if (part instanceof RegExp && /^\d{1,16}$/.test(name)) return Object.assign(part, { lastIndex: Number(name) });
      break;
    case 'kept':
      if (part instanceof Set && part.size === 1) return remade(registered(name), [...part][0]);
  }
  throw bad(`there is no type ${JSON.stringify(kind.slice(0, 60))} of such a part`);
}

function remade({ name, deserialize, check }: Known, kept: unknown): unknown {
  if (deserialize === undefined) throw bad(`${name} was kept by functions, and has none now`);
  let value: unknown;
  try {
    value = deserialize(kept);
  } catch (error) {
    throw new TypeError(`deserialize: ${name} could not be made again: ${String(error)}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && check(value)) return value;
  throw bad(`deserialize of ${name} gave something else`);
}
