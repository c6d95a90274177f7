// Many names as few words: `web[01-40],db[1-3]`. Names with the same text around their numbers are one pattern; numbers are
// folded along one place after the other, so that what is shown is exactly the set.
import { MOST_DIGITS, padded } from './ranges.ts';

/** What a pattern's names have in each place of a number. Values are sorted and differ. */
type Row = readonly (readonly string[])[];

/** A text that `hosts()` reads as the same set. Patterns come in the order of their first name, numbers sorted. */
export function fold(names: Iterable<string>): string {
  const patterns = new Map<string, { texts: readonly string[]; rows: Row[] }>();
  for (const name of names) {
    const { texts, digits } = cut(name);
    const key = texts.join('\0');
    let pattern = patterns.get(key);
    if (pattern === undefined) patterns.set(key, (pattern = { texts, rows: [] }));
    pattern.rows.push(digits.map((number) => [number]));
  }
  const words: string[] = [];
  for (const { texts, rows } of patterns.values())
    for (const row of fewest(rows, texts.length - 1))
      words.push(texts[0]! + row.map((values, i) => brackets(values) + texts[i + 1]!).join(''));
  return words.join(',');
}

/** `r1n02.x`: the texts 'r', 'n', '.x' and between them 1 and 02. */
function cut(name: string): { texts: string[]; digits: string[] } {
  // Brackets of an IPv6 address can't have others within.
  if (name.includes('[')) return { texts: [name], digits: [] };
  const texts = [''];
  const digits: string[] = [];
  for (const part of name.split(/(\d+)/)) {
    if (/^\d/.test(part) && part.length <= MOST_DIGITS) {
      digits.push(part);
      texts.push('');
    } else texts[texts.length - 1] += part;
  }
  return { texts, digits };
}

/** Which place is folded first decides how many words are left: both orders are tried. */
function fewest(rows: readonly Row[], places: number): readonly Row[] {
  const order = Array.from({ length: places }, (_, i) => i);
  const forward = folded(rows, order);
  if (places < 2) return forward;
  const backward = folded(rows, order.reverse());
  return forward.length < backward.length ? forward : backward;
}

function folded(rows: readonly Row[], order: readonly number[]): readonly Row[] {
  let before: number;
  do {
    before = rows.length;
    for (const place of order) rows = foldedAt(rows, place);
  } while (rows.length < before && rows.length > 1);
  return rows;
}

/** Rows that differ in this place only become one. */
function foldedAt(rows: readonly Row[], place: number): readonly Row[] {
  const alike = new Map<string, { row: Row; values: string[] }>();
  for (const row of rows) {
    const key = row.map((values, i) => (i === place ? '' : values.join())).join('|');
    const same = alike.get(key);
    if (same === undefined) alike.set(key, { row, values: [...row[place]!] });
    else same.values.push(...row[place]!);
  }
  return [...alike.values()].map(({ row, values }) => row.with(place, [...new Set(values)].sort(byNumber)));
}

/** Shorter ones first: 9, 09, 10; padded and plain numbers don't mix in a range. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || Number(a) - Number(b);
}

/** `7`, or `[1-3,7]`. */
function brackets(values: readonly string[]): string {
  const ranges: { from: string; to: string }[] = [];
  for (const value of values) {
    const range = ranges.at(-1);
    if (range !== undefined && follows(range, value)) range.to = value;
    else ranges.push({ from: value, to: value });
  }
  if (values.length === 1) return values[0]!;
  return `[${ranges.map(({ from, to }) => (from === to ? from : `${from}-${to}`)).join()}]`;
}

function follows({ from, to }: { from: string; to: string }, value: string): boolean {
  if (Number(value) !== Number(to) + 1) return false;
  return value.length === to.length || !(padded(from) || padded(value));
}
