// Which run's code is running now, so that `runner.run()` and `for await` inside a task belong to it. Inside a turn a plain
// variable tells; after an `await` of the user's own only AsyncLocalStorage can. It is brought in with the first async
// generator, promise function or callback: on Node 20 it slows down every promise of the process.
import { AsyncLocalStorage } from 'node:async_hooks';
import { runTurnsIn, turning } from './engine.ts';
import type { RunRecord } from './run.ts';

let here: RunRecord | undefined;
let storage: AsyncLocalStorage<RunRecord | undefined> | undefined;

/**
 * The run whose code is running, if it can still have children, or was killed: what that one's code left behind begins is no
 * loop of its own.
 */
export function currentRun(): RunRecord | undefined {
  const run = turning() ? here : storage?.getStore();
  return run !== undefined && (run.open || run.outcome?.type === 'killed') ? run : undefined;
}

/** Calls synchronous code of a run's. */
export function callAs<R>(run: RunRecord, call: () => R): R {
  const before = here;
  here = run;
  try {
    return call();
  } finally {
    here = before;
  }
}

/** Sets the run whose synchronous code comes next; gives what to set it back to. The bare form of callAs. */
export function setHere(run: RunRecord | undefined): RunRecord | undefined {
  const before = here;
  here = run;
  return before;
}

/** Calls code of a run's that may go on asynchronously. */
export function callAsyncAs<R>(run: RunRecord, call: () => R): R {
  if (storage === undefined) {
    storage = new AsyncLocalStorage();
    // A turn is scheduled from anywhere, also from the code of some task; what it starts must not inherit that task.
    runTurnsIn((turn) => storage!.run(undefined, turn));
  }
  const before = here;
  here = run;
  try {
    return storage.run(run, call);
  } finally {
    here = before;
  }
}
