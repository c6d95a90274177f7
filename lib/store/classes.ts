// Which classes' instances are kept as themselves. A text names them only: what code they are is said here, never by a text.
import { types } from 'node:util';
import { isRunError, RunError } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';

/** How instances of a class are kept. */
export interface ClassForm<T> {
  /** What texts call the class, for as long as they are to be read. Default: its own name. */
  readonly name?: string;
  /** What an instance is kept as: any value that can be kept, which must not refer back to the instance. */
  readonly serialize?: (instance: T) => unknown;
  /** The instance of what `serialize` gave. It may throw: texts can be old, or damaged. */
  readonly deserialize?: (kept: any) => T;
}

/** A class, as it is known. */
export interface Known {
  readonly name: string;
  readonly prototype: object;
  /** Instances are errors, made of their message, stack and cause too. */
  readonly error: boolean;
  readonly serialize: ((instance: any) => unknown) | undefined;
  readonly deserialize: ((kept: unknown) => unknown) | undefined;
  /** Whether what was read is a whole instance. */
  check(instance: object): boolean;
}

const byName = new Map<string, Known>();
const byPrototype = new Map<object, Known>();

export const knownByName = (name: string): Known | undefined => byName.get(name);

/** The class of a value itself, never one that it extends: what a subclass adds would be lost. */
export function knownClass(value: object): Known | undefined {
  const known = byPrototype.get(Object.getPrototypeOf(value) as object);
  // A RunError of another copy of the library becomes one of this copy.
  return known ?? (types.isNativeError(value) && isRunError(value) ? byName.get('RunError') : undefined);
}

/** What has slots that own fields don't show: made by its constructor alone. */
const slotted = [
  ...[Array, ArrayBuffer, SharedArrayBuffer, DataView, Date, Map, Set, WeakMap, WeakSet, WeakRef, RegExp, Promise],
  ...[Number, String, Boolean, BigInt, Symbol, Function, URL, URLSearchParams],
  Object.getPrototypeOf(Uint8Array) as new () => unknown,
].map(({ prototype }) => prototype as object);
const builtIn = new Set([
  ...[Object.prototype, ...slotted, Buffer.prototype, DOMException.prototype],
  ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError].map(
    ({ prototype }) => prototype,
  ),
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(
    ({ prototype }) => prototype as object,
  ),
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array].map(({ prototype }) => prototype as object),
]);

function* above(prototype: object): Generator<object> {
  for (let one: object | null = prototype; one !== null; one = Object.getPrototypeOf(one) as object | null) yield one;
}

/** Private fields that are used are read somewhere by `.#name`, or asked for by `#name in`. */
function hasPrivateFields(prototype: object): boolean {
  for (const one of above(prototype)) {
    const maker = Object.getOwnPropertyDescriptor(one, 'constructor')?.value as unknown;
    if (
      typeof maker === 'function' &&
      /\.#[\p{ID_Start}$_]|#[\p{ID_Start}$_][\p{ID_Continue}$]*\s+in\b/u.test(Function.prototype.toString.call(maker))
    )
      return true;
  }
  return false;
}

/**
 * Has instances of a class kept by `serialize` and come back by `deserialize` as instances. Without functions for it they are kept by their own enumerable
 * fields (errors also by message, stack and cause), and come back without a call of the constructor. Subclasses are registered on their own.
 * TypeError: a name that another class has, a class known under another name or built in, one with private fields (or extending
 * Map, Date, …) without functions. The class of an instance must be registered wherever it is read. (Idea: bandsaw's serializers.)
 */
export function registerClass<T extends object>(
  Class: abstract new (...args: any[]) => T,
  form: ClassForm<T> = {},
): void {
  checkOptions('registerClass', form, ['name', 'serialize', 'deserialize']);
  const { name = (Class as { name?: string } | undefined)?.name, serialize, deserialize } = form;
  const prototype = typeof Class === 'function' ? (Class.prototype as object | undefined) : undefined;
  const fail = (problem: string): never => {
    throw new TypeError(`registerClass: ${problem}`);
  };
  if (typeof prototype !== 'object' || prototype === null) return fail(`${typeof Class} is no class`);
  if (typeof name !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,200}$/u.test(name))
    return fail(`a class needs a name of 1 to 200 characters: registerClass(Class, { name: 'Point' })`);
  if (builtIn.has(prototype)) return fail(`${name} is built in`);
  for (const [key, given] of Object.entries({ serialize, deserialize }))
    if (given !== undefined && typeof given !== 'function') return fail(`${key} of ${name} must be a function`);
  if ((serialize === undefined) !== (deserialize === undefined))
    return fail(`${name} needs both serialize and deserialize, or neither`);

  const other = byName.get(name);
  if (other !== undefined && other.prototype !== prototype)
    return fail(`another class is registered as '${name}'; give this one a name of its own: { name: … }`);
  const before = byPrototype.get(prototype);
  if (before !== undefined && before.name !== name) return fail(`${name} is registered already, as '${before.name}'`);
  if (before !== undefined && (before.serialize !== serialize || before.deserialize !== deserialize))
    return fail(`${name} is registered already, with other functions`);
  if (before !== undefined) return;
  if (serialize === undefined) {
    const base = slotted.find((one) => one !== prototype && Object.prototype.isPrototypeOf.call(one, prototype));
    if (base !== undefined)
      return fail(
        `${name} extends ${base.constructor.name}: give serialize and deserialize, its fields alone don't make it`,
      );
    if (hasPrivateFields(prototype))
      return fail(`${name} has private fields, which only it can read: give serialize and deserialize`);
  }
  know({ name, prototype, serialize, deserialize }, (instance) =>
    Object.prototype.isPrototypeOf.call(prototype, instance),
  );
}

function know(form: Omit<Known, 'error' | 'check'>, check: (instance: object) => boolean): void {
  const known = { ...form, error: Object.prototype.isPrototypeOf.call(Error.prototype, form.prototype), check };
  byName.set(form.name, known);
  byPrototype.set(form.prototype, known);
}

know({ name: 'RunError', prototype: RunError.prototype, serialize: undefined, deserialize: undefined }, isRunError);
