// What a value is by the slots that the engine gave it, which no field or prototype can feign.
import { types } from 'node:util';

const { SuppressedError } = globalThis as unknown as { SuppressedError?: new () => Error }; // Node 24

/** Errors that come back as themselves: how each is made. */
export const errors: Readonly<Record<string, () => Error>> = Object.assign(Object.create(null) as object, {
  ...Object.fromEntries(
    [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((Class) => [
      Class.name,
      () => new Class(),
    ]),
  ),
  AggregateError: () => new AggregateError([]),
  ...(SuppressedError === undefined ? {} : { SuppressedError: () => new SuppressedError() }),
});

const intrinsicTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  Symbol.toStringTag,
)!.get!;

const slots: readonly (readonly [name: string, is: (value: object) => boolean])[] = [
  ['Map', types.isMap],
  ['Set', types.isSet],
  ['Date', types.isDate],
  ['Error', types.isNativeError],
  ['RegExp', types.isRegExp],
  ['ArrayBuffer', types.isArrayBuffer],
  ['DataView', types.isDataView],
  ['Number', types.isNumberObject],
  ['String', types.isStringObject],
  ['Boolean', types.isBooleanObject],
  ['BigInt', types.isBigIntObject],
  ['Promise', types.isPromise],
  ['arguments object', types.isArgumentsObject],
  ['module', types.isModuleNamespaceObject],
  ['native handle', types.isExternal],
  ['SharedArrayBuffer', types.isSharedArrayBuffer],
  ['Symbol', types.isSymbolObject],
];

/** What the engine made this: 'Array', 'Map', 'Uint8Array', …; undefined for objects of fields alone. Throws for a revoked proxy. */
export function slotsOf(value: object): string | undefined {
  if (Array.isArray(value)) return 'Array';
  if (types.isTypedArray(value)) return intrinsicTag.call(value) as string;
  return slots.find(([, is]) => is(value))?.[0];
}

/** A class of another realm (node:vm, test frameworks): its functions are no Functions of ours. */
const foreign = (prototype: object): boolean => {
  const maker = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value as unknown;
  return typeof maker === 'function' && !(maker instanceof Function);
};

/** Whether a prototype is the one of the built-in class of that name, of any realm; not that of a subclass. */
export function isPrototypeOf(prototype: object | null, name: string): boolean {
  if (prototype === null) return false;
  const own = (globalThis as unknown as Record<string, { prototype?: unknown } | undefined>)[name];
  return prototype === own?.prototype || (foreign(prototype) && prototype.constructor.name === name);
}

/** The built-in class of an error, where it is of no other. Node's own errors have classes between, which say they were none. */
export function errorName(error: object): string | undefined {
  const { constructor } = (Object.getPrototypeOf(error) ?? {}) as { constructor?: unknown };
  if (typeof constructor !== 'function') return undefined;
  const name = constructor.name;
  return name in errors && isPrototypeOf(constructor.prototype as object | null, name) ? name : undefined;
}

/** 'URL', 'Temporal.Instant', …: classes that have a text for each instance. */
export function textual(prototype: object | null): string | undefined {
  if (isPrototypeOf(prototype, 'URL')) return 'URL';
  if (isPrototypeOf(prototype, 'URLSearchParams')) return 'URLSearchParams';
  const { Temporal } = globalThis as { Temporal?: Record<string, { prototype?: unknown } | undefined> };
  const tag: unknown = (prototype as { [Symbol.toStringTag]?: unknown } | null)?.[Symbol.toStringTag];
  if (Temporal === undefined || typeof tag !== 'string' || !tag.startsWith('Temporal.')) return undefined;
  return Temporal[tag.slice('Temporal.'.length)]?.prototype === prototype ? tag : undefined;
}
