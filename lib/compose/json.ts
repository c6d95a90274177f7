import type { Json } from '../kernel/index.ts';

/** Nested deeper than this, data is none that anybody prints or compares. */
const DEEPEST = 500;

/** A copy of what JSON can say as it is; undefined for anything else (dates, NaN, -0, holes, class instances, circles, …). */
export function asJson(value: unknown, depth = 0): Json | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : undefined;
  if (typeof value !== 'object' || depth > DEEPEST) return undefined;
  if (Array.isArray(value)) {
    const list: Json[] = [];
    // By index: holes have to be seen.
    for (let i = 0; i < value.length; i++) {
      const part = asJson(value[i], depth + 1);
      if (part === undefined) return undefined;
      list.push(part);
    }
    return list;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function' || Object.getOwnPropertySymbols(value).length > 0)
    return undefined;
  const fields: [string, Json][] = [];
  for (const [name, field] of Object.entries(value)) {
    const part = asJson(field, depth + 1);
    if (part === undefined) return undefined;
    fields.push([name, part]);
  }
  // Which takes a field `__proto__` for what it is: a field.
  return Object.fromEntries(fields);
}
