/** A value whose plain objects have their fields in one order, so that what is equal has one digest. */
export function canonical(value: unknown, around: readonly object[] = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (around.includes(value)) return value; // a circle; its order stays what it is
  const inside = [...around, value];
  // What has more to it than that is left for `serialize` to refuse.
  if (Object.getOwnPropertySymbols(value).length > 0) return value;
  if (Array.isArray(value))
    return Object.keys(value).length !== value.length
      ? value
      : Array.from(value, (element: unknown) => canonical(element, inside));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const sorted = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, canonical(field, inside)] as const);
  return Object.fromEntries(sorted);
}
