/** A value whose plain objects have their fields in one order, so that what is equal has one digest. */
export function canonical(value: unknown, around: readonly object[] = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (around.includes(value)) return value; // a circle; its order stays what it is
  const inside = [...around, value];
  if (Array.isArray(value)) return Array.from(value, (element: unknown) => canonical(element, inside));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const sorted = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => [name, canonical(field, inside)] as const);
  return Object.fromEntries(sorted);
}
