import type { Clock } from '../kernel/index.ts';

/** What advice that is shared knows of the past, for each clock apart: their times can't be compared. */
export function perClock<S>(make: () => S): (clock: Clock) => S {
  const states = new WeakMap<Clock, S>();
  return (clock) => {
    let state = states.get(clock);
    if (state === undefined) states.set(clock, (state = make()));
    return state;
  };
}
