// One listener an AbortSignal, however many runs listen: hundreds of runs on one signal raise no leak warnings.

const listeners = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();

/** Calls back when the signal is aborted, at once if it is. The result takes that back. */
export function onAbort(signal: AbortSignal, then: (reason: unknown) => void): () => void {
  if (!(signal instanceof AbortSignal)) throw new TypeError('signal: expected an AbortSignal');
  if (signal.aborted) {
    then(signal.reason);
    return () => {};
  }
  let calls = listeners.get(signal);
  if (calls === undefined) {
    const all = new Set<(reason: unknown) => void>();
    calls = all;
    listeners.set(signal, all);
    const abort = (): void => {
      listeners.delete(signal);
      for (const call of all) call(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    aborts.set(all, () => signal.removeEventListener('abort', abort));
  }
  const own = calls;
  const call = (reason: unknown): void => then(reason);
  own.add(call);
  return () => {
    own.delete(call);
    if (own.size > 0 || listeners.get(signal) !== own) return;
    listeners.delete(signal);
    aborts.get(own)?.();
  };
}

const aborts = new WeakMap<Set<(reason: unknown) => void>, () => void>();
