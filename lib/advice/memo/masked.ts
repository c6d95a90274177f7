/** A value without secrets: bytes too. What is neither array nor plain object is masked when it has become text. */
export function masked(value: unknown, mask: { text(text: string): string; value<V>(value: V): V }): unknown {
  return bytesMasked(mask.value(value), mask.text, new Set());
}

function bytesMasked(value: unknown, mask: (text: string) => string, seen: Set<object>): unknown {
  if (typeof value !== 'object' || value === null || seen.has(value)) return value;
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
    const clean = mask(text);
    return clean === text ? value : Buffer.from(clean);
  }
  seen.add(value);
  // What has been masked is a copy, down to what isn't looked into.
  if (Array.isArray(value)) for (const [index, one] of value.entries()) value[index] = bytesMasked(one, mask, seen);
  else if (isPlain(value))
    for (const [name, one] of Object.entries(value))
      if (one instanceof Object) value[name] = bytesMasked(one, mask, seen);
  return value;
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
