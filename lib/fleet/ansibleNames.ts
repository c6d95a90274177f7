// Host names as Ansible's inventories have them: `web[01:50].example.com:2222`.
import { ADDRESS, checkCount, padded, product, type Part } from './ranges.ts';

/** The names, and the port behind them. @throws TypeError */
export function expandAnsible(text: string, where: string): { names: string[]; port: number | undefined } {
  const [, pattern = text, digits] = /^((?:\[[^\]]*\]|[^:[\]])+):(\d+)$/.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const inside = /^\[([^\]]*)\]$/.exec(pattern)?.[1];
  if (inside !== undefined && ADDRESS.test(inside)) return { names: [inside], port };
  if (ADDRESS.test(text)) return { names: [text], port: undefined };
  const parts: Part[] = pattern.split(/(\[[^\]]*\])/).map((part) => {
    if (part.startsWith('[') && part.endsWith(']')) return range(part.slice(1, -1), `${where}: ${text}`);
    if (/[[\]]/.test(part)) throw new TypeError(`${where}: ${text}: a bracket is without its other`);
    return part;
  });
  checkCount(
    parts.reduce((count, part) => count * (typeof part === 'string' ? 1 : part.length), 1),
    text,
  );
  return { names: product(parts), port };
}

/** `01:50`, `1:9:2`, `a:f`; both ends belong to it. */
function range(text: string, where: string): string[] {
  const [, begin, end, by = '1'] = /^(\w*):(\w+)(?::(\d+))?$/.exec(text) ?? [];
  if (begin === undefined || end === undefined)
    throw new TypeError(`${where}: [${text}] is no range; write [01:50] or [a:f]`);
  const from = begin === '' ? '0' : begin;
  const step = Number(by);
  if (step < 1) throw new TypeError(`${where}: the step of [${text}] is not 1 or more`);
  if (/^\d+$/.test(from) && /^\d+$/.test(end)) {
    if (padded(from) && from.length !== end.length)
      throw new TypeError(`${where}: ${from} and ${end} are padded differently; give both the same number of digits`);
    return between(Number(from), Number(end), step, (value) =>
      String(value).padStart(padded(from) ? from.length : 0, '0'),
    );
  }
  if (/^[a-z]$/i.test(from) && /^[a-z]$/i.test(end)) {
    return between(LETTERS.indexOf(from), LETTERS.indexOf(end), step, (value) => LETTERS[value]!);
  }
  throw new TypeError(`${where}: [${text}] is no range; write [01:50] or [a:f]`);

  function between(first: number, last: number, by: number, show: (value: number) => string): string[] {
    if (last < first) throw new TypeError(`${where}: the range [${text}] runs backwards`);
    const count = Math.floor((last - first) / by) + 1;
    checkCount(count, `[${text}]`);
    return Array.from({ length: count }, (_, i) => show(first + i * by));
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
