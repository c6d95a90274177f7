// What devalue asks of a value that it writes, and what it is told of those that it doesn't know. These become a Set whose first member
// says what they are ('class Point'), and whose others are what they are made of: Sets so that nothing is added to paths, and
// so that the reader can tell one that is not yet read to its end, which is how cycles through them can be read.
import { types } from 'node:util';
import type { StringifyOperations } from 'devalue';
import { errorName, isPrototypeOf, slotsOf, textual } from './builtIns.ts';
import { knownClass, type Known } from './classes.ts';
import { fieldName, writtenName } from './fieldNames.ts';
import { pathOf, Places, type Place } from './paths.ts';

const isPlain = (prototype: object | null): boolean => prototype === null || isPrototypeOf(prototype, 'Object');
const bytesOf = (view: ArrayBufferView): ArrayBuffer =>
  new Uint8Array(new Uint8Array(view.buffer, view.byteOffset, view.byteLength)).buffer;

/** One writing of one value. */
export class Reduction {
  #places: Places;
  /** The Sets made here. */
  #made = new Set<object>();
  /** Instances whose `serialize` gave what is just being written. */
  #open = new Set<unknown>();
  /** What the value is that is being looked at. */
  #tag = 'Object';
  /** What is being looked at; undefined: what was come by last. */
  #at: unknown;

  constructor(value: unknown) {
    this.#places = new Places(value);
    this.#at = value;
  }

  get place(): Place {
    return this.#at === undefined ? this.#places.last() : this.#places.of(this.#at);
  }

  fail(problem: string, cause?: unknown): never {
    throw new TypeError(`serialize: ${pathOf(this.place)} ${problem}`, cause === undefined ? undefined : { cause });
  }

  /** Called for every value before anything else is asked; undefined: it is devalue's to write. */
  readonly reduce = (value: unknown): ReadonlySet<unknown> | undefined => {
    const type = typeof value;
    if (value === null || (type !== 'object' && type !== 'function' && type !== 'symbol')) return undefined;
    this.#at = value;
    if (typeof value === 'symbol') {
      const key = Symbol.keyFor(value);
      return key === undefined
        ? this.fail('is a symbol, which is itself only in this process')
        : this.#make(value, `symbol ${key}`);
    }
    if (typeof value === 'function')
      return this.fail(`is a function${value.name === '' ? '' : ` (${value.name})`}: leave it out`);
    return this.#object(value as object);
  };

  #object(value: object): ReadonlySet<unknown> | undefined {
    if (this.#made.has(value)) {
      this.#tag = 'Set';
      return undefined;
    }
    const prototype = Object.getPrototypeOf(value) as object | null;
    const plain = isPlain(prototype);
    const slots = plain && Object.prototype.toString.call(value) === '[object Object]' ? undefined : slotsOf(value);
    const known = plain || prototype === Array.prototype ? undefined : knownClass(value);
    if (known !== undefined) return this.#instance(value, known);
    if (Buffer.isBuffer(value) && prototype === Buffer.prototype) return this.#make(value, 'buffer', bytesOf(value));
    if (isPrototypeOf(prototype, 'DOMException')) return this.#error(value, 'error DOMException');
    if (slots === 'Error') {
      const name = errorName(value);
      if (name !== undefined) return this.#error(value, `error ${name}`);
    } else if (slots === undefined && plain) {
      this.#tag = 'Object';
      const symbol = Object.getOwnPropertySymbols(value).find((one) =>
        Object.prototype.propertyIsEnumerable.call(value, one),
      );
      if (symbol !== undefined) this.fail(`has a field named by a symbol (${String(symbol)}): leave it out`);
      return undefined;
    } else if (slots === undefined && textual(prototype) !== undefined) {
      this.#tag = textual(prototype)!;
      this.#noFields(value, this.#tag);
      return undefined;
    } else if (slots !== undefined && isPrototypeOf(prototype, slots) && kept(slots)) {
      this.#tag = slots;
      this.#noFields(value, slots);
      if (slots === 'RegExp' && (value as RegExp).lastIndex !== 0) {
        const { source, flags, lastIndex } = value as RegExp;
        if (!Number.isSafeInteger(lastIndex) || lastIndex < 0)
          this.fail('has a lastIndex that is no position in a text');
        return this.#make(value, `regexp ${lastIndex}`, new RegExp(source, flags));
      }
      return undefined;
    }
    return this.#stranger(value, prototype, slots);
  }

  #stranger(value: object, prototype: object | null, slots: string | undefined): never {
    if (slots === 'Promise' || typeof (value as { then?: unknown }).then === 'function')
      this.fail(`is a ${nameOf(prototype) ?? 'Promise'}: yield or await it first`);
    const name = plainName(prototype) ?? nameOf(prototype) ?? slots;
    const what =
      name === undefined || name === ''
        ? 'of a class without a name'
        : `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;
    if (name === 'Object') this.fail('is an object with another object as its prototype: copy its fields ({ ...it })');
    if (isPlain(prototype) || name === slots)
      this.fail(`is ${slots === undefined ? what : article(slots)}: leave it out`);
    this.fail(`is ${what}: register its class (registerClass), or leave it out`);
  }

  /** devalue writes what these are made of, and nothing else. */
  #noFields(value: object, slots: string): void {
    if (types.isTypedArray(value)) return;
    const keys = Object.keys(value);
    const indices = slots === 'Array' || slots === 'String' ? (value as ArrayLike<unknown>).length : 0;
    const last = keys.at(-1);
    if (last === undefined || (keys.length <= indices && isIndex(last))) return;
    const fields = keys.filter((key) => indices === 0 || !isIndex(key)).slice(0, 3);
    this.fail(
      `is ${article(slots)} with fields of its own (${fields.join(', ')}), which would be lost: copy it without them`,
    );
  }

  #instance(value: object, known: Known): ReadonlySet<unknown> {
    if (known.serialize === undefined)
      return known.error
        ? this.#error(value, `class ${known.name}`)
        : this.#make(value, `class ${known.name}`, this.#fields(value, true));
    let kept: unknown;
    try {
      kept = known.serialize(value);
    } catch (error) {
      if (isOverflow(error)) throw error;
      this.fail(`could not be kept: serialize of ${known.name} threw ${String(error)}`, error);
    }
    const inner = new Set([kept]);
    this.#made.add(inner);
    this.#custom.set(inner, value);
    return this.#make(value, `kept ${known.name}`, inner);
  }
  #custom = new Map<object, object>();

  #error(value: object, head: string): ReadonlySet<unknown> {
    const hidden = this.#fields(value, false);
    // A DOMException has its texts in slots; a stack may be an accessor.
    const { name, message, stack } = value as Error;
    const texts =
      head === 'error DOMException' ? { name, message, stack } : Object.hasOwn(value, 'stack') ? { stack } : {};
    return this.#make(value, head, this.#fields(value, true), Object.assign(hidden, texts));
  }

  /** Own fields, by name: those that are enumerable, or the others. */
  #fields(value: object, enumerable: boolean): object {
    const fields = {};
    for (const key of Reflect.ownKeys(value)) {
      if (Object.prototype.propertyIsEnumerable.call(value, key) !== enumerable) continue;
      if (typeof key === 'symbol') {
        if (enumerable)
          this.fail(
            `has a field named by a symbol (${String(key)}): register its class with serialize and deserialize`,
          );
        continue;
      }
      if (key === 'stack' && !enumerable) continue;
      const field: PropertyDescriptor = {
        value: this.#read(value, key),
        writable: true,
        enumerable: true,
        configurable: true,
      };
      Object.defineProperty(fields, key, field);
    }
    return fields;
  }

  #read(value: object, key: string | number): unknown {
    try {
      return (value as Record<string | number, unknown>)[key];
    } catch (error) {
      if (isOverflow(error)) throw error;
      this.#places.step(value, 'field', key, undefined);
      this.#at = undefined;
      return this.fail(`can't be read: ${String(error)}`, error);
    }
  }

  #make(value: unknown, ...parts: readonly unknown[]): ReadonlySet<unknown> {
    const set = new Set(parts);
    this.#made.add(set);
    this.#places.step(value, undefined, undefined, set);
    return set;
  }

  *#members(set: Set<unknown>): Generator<unknown> {
    const made = this.#made.has(set);
    const instance = this.#custom.get(set);
    if (instance !== undefined) this.#open.add(instance);
    let index = 0;
    for (const member of Set.prototype.values.call(set))
      yield this.#places.step(set, made ? undefined : 'member', index++, member);
    this.#open.delete(instance);
  }

  *#entries(map: Map<unknown, unknown>): Generator<[unknown, unknown]> {
    let index = 0;
    for (const [key, value] of Map.prototype.entries.call(map) as Iterable<[unknown, unknown]>) {
      this.#places.step(map, 'entry', key, value);
      this.#places.step(map, 'key', index++, key);
      yield [key, value];
    }
  }

  readonly operations: Partial<StringifyOperations> = {
    // Asked first of all for every value, also for one that is written already.
    identify: (value: unknown) => {
      if (this.#open.size === 0 || !this.#open.has(value)) return value;
      this.#at = undefined;
      return this.fail('refers back to the instance whose serialize gave it: leave it out there');
    },
    isThenable: () => false,
    tagOf: () => this.#tag,
    toISOString: (date: Date) =>
      Number.isNaN(Date.prototype.getTime.call(date)) ? '' : Date.prototype.toISOString.call(date),
    valuesOf: (set: Set<unknown>) => this.#members(set),
    entriesOf: (map: Map<unknown, unknown>) => this.#entries(map),
    // A view of a part keeps that part: the rest may be Node's pool, with whatever others have in it.
    viewInfo(view: ArrayBufferView & { length?: number }) {
      const whole = view.byteLength === view.buffer.byteLength && types.isArrayBuffer(view.buffer);
      const buffer = whole ? view.buffer : bytesOf(view);
      const { byteLength, length } = view;
      return { buffer, byteOffset: 0, byteLength, length: length ?? byteLength, bufferByteLength: byteLength };
    },
    shapeOf: (value: object) => ({
      kind: Object.getPrototypeOf(value) === null ? 'null-proto' : 'plain',
      keys: Object.keys(value).map(writtenName),
    }),
    get: (value: object, key: string | number) => {
      const name = typeof key === 'string' ? fieldName(key) : key;
      return this.#places.step(value, typeof key === 'number' ? 'element' : 'field', name, this.#read(value, name));
    },
  };
}

const kept = (slots: string): boolean =>
  !['arguments object', 'module', 'native handle', 'Promise', 'SharedArrayBuffer', 'Symbol'].includes(slots);
const isIndex = (key: string): boolean => /^(0|[1-9]\d*)$/.test(key);
const article = (name: string): string => `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;
const plainName = (prototype: object | null): string | undefined => (isPlain(prototype) ? 'object' : undefined);

function nameOf(prototype: object | null): string | undefined {
  const { constructor } = (prototype ?? {}) as { constructor?: unknown };
  return typeof constructor === 'function' ? constructor.name : undefined;
}

/** The stack is at its end. */
export const isOverflow = (error: unknown): boolean =>
  error instanceof RangeError && error.message.startsWith('Maximum call stack');
