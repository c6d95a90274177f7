// Work on files that may be much: a generator that gives the turn back (L1). It yields promises that it has to wait for (small
// files are read in place: a trip through libuv's pool costs more than they do), and undefined where others may have a go.

/** Work in parts; what it yields is a promise to be answered with what that gives, or undefined: go on in a while. */
export type Paced<T> = Generator<Promise<unknown> | undefined, T, any>;

/** Does such work outside any run. */
export async function atOnce<T>(work: Paced<T>): Promise<T> {
  let step = work.next();
  while (step.done !== true) {
    const waited = step.value ?? new Promise((resolve) => setImmediate(resolve));
    let answer: unknown;
    try {
      answer = await waited;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(answer);
  }
  return step.value;
}

/** Does such work that waits for nothing, in place. */
export function atOnceInPlace<T>(work: Paced<T>): T {
  const step = work.next();
  if (step.done !== true) throw new Error('this work has to wait');
  return step.value;
}
