// Signals of the host (L6). While a loop lives it listens to SIGINT, SIGTERM and SIGHUP. The first one kills the loop:
// every program gets exactly that signal, tasks run their `finally`s. When all loops have ended the listeners go and,
// unless the user has one too, the signal is raised again, so that a shell sees 130. A second: SIGKILL to all, at once.
import type { RunRecord } from './run.ts';
import { killHard } from './run/kill.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type HostSignal = (typeof SIGNALS)[number];

const roots = new Set<RunRecord>();
const handlers = new Map<HostSignal, () => void>();
const observers = new Set<(signal: HostSignal, roots: readonly RunRecord[]) => void>();
let received: HostSignal | undefined;

/** Ends this loop with the host's signals, until the result is called. */
export function attachHost(root: RunRecord): () => void {
  if (roots.size === 0) {
    for (const signal of SIGNALS) {
      const handler = (): void => onSignal(signal);
      handlers.set(signal, handler);
      process.on(signal, handler);
    }
  }
  roots.add(root);
  return () => {
    roots.delete(root);
    if (roots.size > 0) return;
    // What the user does when the loop has ended runs first.
    if (received === undefined) detach();
    else {
      process.once('uncaughtExceptionMonitor', crash);
      setImmediate(() => setImmediate(raise));
    }
  };
}

/** The kill was nobody's to catch (`await runCommandGens(…)` and no more): Node will exit, and by the signal, not with 1. */
function crash(): void {
  process.once('exit', () => raise());
}

/** Tells of the first signal, before anything is killed: the command line says who is alive. */
export function onHostSignal(observer: (signal: HostSignal, roots: readonly RunRecord[]) => void): () => void {
  observers.add(observer);
  return () => observers.delete(observer);
}

function onSignal(signal: HostSignal): void {
  if (received !== undefined) {
    for (const root of roots) killHard(root);
    raise(signal);
    return;
  }
  received = signal;
  for (const observe of observers) observe(signal, [...roots]);
  for (const root of roots) root.kill(signal);
}

function detach(): void {
  for (const [signal, handler] of handlers) process.removeListener(signal, handler);
  handlers.clear();
}

function raise(second?: HostSignal): void {
  process.off('uncaughtExceptionMonitor', crash);
  const signal = second ?? received;
  if (signal === undefined) return;
  if (roots.size > 0 && second === undefined) return; // a loop began since; it attends to the signal's end itself
  detach();
  received = undefined;
  if (process.listenerCount(signal) > 0) return;
  endNow();
  process.kill(process.pid, signal);
}

const ends = new Set<() => void>();

function endNow(): void {
  for (const end of ends) end();
}

/** Does something when this process ends: by itself, or by a signal that is raised again, of which Node tells nobody. The result takes it back. */
export function atProcessEnd(end: () => void): () => void {
  if (ends.size === 0) process.on('exit', endNow);
  ends.add(end);
  return () => {
    ends.delete(end);
    if (ends.size === 0) process.off('exit', endNow);
  };
}
