// What stands in brackets in a host's name: `web[01-40]`, `n[1-9/2,12]`, `r[1-3]n[1-4]`, as ClusterShell writes it.

/** How many hosts an expression or an inventory may name: more is taken for a slip, such as `[1-999999999]`. */
export const MOST_HOSTS = 100_000;

/** Digits that a number in a name can have; with more it would not be exact any more. */
export const MOST_DIGITS = 15;

/** Text, or the texts of which one stands there. */
export type Part = string | readonly string[];

/** Of IPv6. A range of Ansible's has at most two colons, and never side by side. */
export const ADDRESS = /^(?:[\da-f:.]*::[\da-f:.]*|(?:[\da-f]+:){3,}[\da-f:.]*)$/i;

interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  /** Digits that each number has at least. */
  readonly width: number;
}

/**
 * The names of a pattern, in order.
 * @throws TypeError that names the pattern and what is wrong in it
 */
export function expandPattern(pattern: string): string[] {
  if (!/[[\]]/.test(pattern)) return [pattern];
  const parts = readParts(pattern);
  const counts = parts.map((part) => (typeof part === 'string' ? 1 : sum(part.map(countOf))));
  checkCount(
    counts.reduce((product, count) => product * count, 1),
    pattern,
  );
  return product(parts.map((part) => (typeof part === 'string' ? part : part.flatMap(numbers))));
}

/** Every combination of what the parts may be, the last one changing fastest. */
export function product(parts: readonly Part[]): string[] {
  return parts.reduce<string[]>(
    (heads, part) =>
      typeof part === 'string'
        ? heads.map((head) => head + part)
        : heads.flatMap((head) => part.map((text) => head + text)),
    [''],
  );
}

/** @throws TypeError when there are more than anyone has */
export function checkCount(count: number, what: string): void {
  if (count > MOST_HOSTS)
    throw new TypeError(`hosts: ${what} names ${count.toLocaleString('en')} hosts; the most is ${MOST_HOSTS}`);
}

function readParts(pattern: string): (string | Range[])[] {
  const parts: (string | Range[])[] = [];
  let rest = pattern;
  while (rest !== '') {
    const open = rest.search(/[[\]]/);
    if (open === -1) return [...parts, rest];
    if (rest[open] === ']') throw new TypeError(`hosts: ${pattern}: there is a ']' without its '['`);
    const close = rest.slice(open + 1).search(/[[\]]/) + open + 1;
    if (close === open) throw new TypeError(`hosts: ${pattern}: there is a '[' without its ']'`);
    if (rest[close] === '[') throw new TypeError(`hosts: ${pattern}: there is a '[' within brackets`);
    const inside = rest.slice(open + 1, close);
    parts.push(rest.slice(0, open));
    // An IPv6 address, as it is written in front of a port.
    if (ADDRESS.test(inside)) parts.push(`[${inside}]`);
    else parts.push(inside.split(',').map((text) => readRange(text.trim(), pattern)));
    rest = rest.slice(close + 1);
  }
  return parts;
}

function readRange(text: string, pattern: string): Range {
  const where = `hosts: ${pattern}`;
  const found = /^(\d+)(?:\s*-\s*(\d+)(?:\/(\d+))?)?$/.exec(text);
  if (found === null) {
    if (text === '') throw new TypeError(`${where}: a range is empty`);
    if (/^\w+:\w+(:\d+)?$/.test(text))
      throw new TypeError(`${where}: [${text}] is Ansible's form; write [${text.replace(':', '-').replace(':', '/')}]`);
    throw new TypeError(`${where}: ${text} is no range; expected a number, 1-9, 01-40 or 1-9/2`);
  }
  const [, from, to = from, step = '1'] = found as unknown as [string, string, string | undefined, string | undefined];
  if (Math.max(from.length, to.length) > MOST_DIGITS)
    throw new TypeError(`${where}: numbers have at most ${MOST_DIGITS} digits`);
  const range = { first: Number(from), last: Number(to), step: Number(step), width: from.length };
  if (padded(from) || padded(to)) {
    if (from.length !== to.length)
      throw new TypeError(`${where}: ${from} and ${to} are padded differently; give both the same number of digits`);
  }
  if (range.last < range.first) throw new TypeError(`${where}: the range ${text} runs backwards; write ${to}-${from}`);
  if (range.step < 1) throw new TypeError(`${where}: the step of ${text} is not 1 or more`);
  return range;
}

/** Whether it has zeros in front. */
export function padded(digits: string): boolean {
  return digits.length > 1 && digits.startsWith('0');
}

function countOf({ first, last, step }: Range): number {
  return Math.floor((last - first) / step) + 1;
}

function numbers(range: Range): string[] {
  return Array.from({ length: countOf(range) }, (_, i) =>
    String(range.first + i * range.step).padStart(range.width, '0'),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
