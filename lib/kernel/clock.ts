// Time and its units. Everything in the library that waits does so through the Clock of its context, so that
// sluice/testing can bring a fake one.

/** A number of milliseconds, or '250ms', '3s', '5m', '2h', '1d' ('1.5s' and '1h30m' too). */
export type Duration = number | (string & {});

/** A number of bytes, or '64B', '64KiB', '16MiB', '1GiB' (kB, MB, GB are powers of 1,000). */
export type Size = number | (string & {});

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since the epoch; never goes back. */
  now(): number;
  /** Calls `then` once after `ms` milliseconds; the result takes the call back. Infinity never calls. */
  after(ms: number, then: () => void): () => void;
}

/** A delay that Node's timers can hold; longer ones are chained. */
const LONGEST = 2 ** 31 - 1;

/** The real clock: monotonic, and right about the epoch when the process started. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, then) {
    if (ms === Infinity) return () => {};
    if (ms <= LONGEST) {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    }
    let cancel = systemClock.after(LONGEST, () => {
      cancel = systemClock.after(ms - LONGEST, then);
    });
    return () => cancel();
  },
};

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration. Throws a TypeError that shows the accepted forms, and `what` for. */
export function milliseconds(duration: Duration, what = 'duration'): number {
  if (typeof duration === 'number') {
    if (duration >= 0) return duration;
  } else if (typeof duration === 'string' && /^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(duration)) {
    let sum = 0;
    for (const [, count, unit] of duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
      sum += Number(count) * units[unit!]!;
    return sum;
  }
  throw new TypeError(
    `${what}: ${show(duration)} is no duration; give a number of milliseconds (0 or more) or '250ms', '3s', '5m', '2h'`,
  );
}

const scales: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** Reads a size. Throws a TypeError that shows the accepted forms, and `what` for. */
export function bytes(size: Size, what = 'size'): number {
  if (typeof size === 'number') {
    if (size >= 0 && (Number.isInteger(size) || size === Infinity)) return size;
  } else if (typeof size === 'string') {
    const [, count, unit] = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|KiB|MiB|GiB)$/.exec(size) ?? [];
    if (unit !== undefined) return Math.round(Number(count) * scales[unit]!);
  }
  throw new TypeError(`${what}: ${show(size)} is no size; give a number of bytes or '64KiB', '16MiB', '1GiB'`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
