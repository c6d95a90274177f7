// Secrets in what is stored. They are looked for in the text of a value, where everything is that the value holds, also in
// instances and Maps: its strings, and the bytes that stand there as base64.

/** Serialized text without secrets. */
export function maskedText(serialized: string, mask: (text: string) => string): string {
  const rows: unknown = JSON.parse(serialized);
  return Array.isArray(rows) ? JSON.stringify(rows.map((row) => maskedRow(row, mask))) : serialized;
}

function maskedRow(row: unknown, mask: (text: string) => string): unknown {
  if (typeof row === 'string') return maskedString(row, mask);
  if (Array.isArray(row)) {
    // The first is what kind of thing it is.
    const [kind, ...rest] = row as unknown[];
    return [kind, ...rest.map((part) => (typeof part === 'string' ? maskedString(part, mask) : part))];
  }
  if (typeof row !== 'object' || row === null) return row;
  return Object.fromEntries(Object.entries(row).map(([name, at]) => [mask(name), at as unknown]));
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2,3}={1,2}$/;

function maskedString(text: string, mask: (text: string) => string): string {
  const clean = mask(text);
  if (clean !== text || !BASE64.test(text)) return clean;
  const inside = Buffer.from(text, 'base64').toString('utf8');
  const without = mask(inside);
  return without === inside ? text : Buffer.from(without).toString('base64');
}
