// What the workers of store.mjs put, and how they see whether it is that: content tells by itself whether it is whole.
import { createHash } from 'node:crypto';

const LONG = 2_000_000;

/** The content number n; one of fifty is long. */
export function content(n) {
  const line = createHash('sha256').update(String(n)).digest('hex');
  const length = n % 50 === 7 ? LONG : (n * 7919) % 20_000;
  return `${n} ${line.repeat(Math.ceil(length / 64)).slice(0, length)}.`;
}

/** Whether a text is some content, whole. */
export function isWhole(text) {
  return typeof text === 'string' && text === content(Number.parseInt(text, 10));
}

const sums = { puts: 0, gets: 0, hits: 0, restored: 0, misses: 0, damaged: 0 };

/** Adds up, and tells of it from time to time. */
export function count(what) {
  sums[what]++;
  const ops = sums.puts + sums.gets;
  if (what === 'puts' && ops % 5 === 0) tell();
  return ops;
}

export function tell() {
  process.stdout.write(`${JSON.stringify(sums)}\n`);
}
