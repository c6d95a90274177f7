// The kernel's public names, for the other layers and for lib/index.ts.
export * from './event.ts';
export { RunError, isRunError, killedError, describe, toError, type Reason, type RunErrorDetails } from './error.ts';
export { advise, BaseRunner, createRunner, isRunner } from './create.ts';
export type {
  Advice,
  Ambient,
  ChildOptions,
  Code,
  Context,
  ResultOf,
  ResultsOf,
  Definition,
  Events,
  Run,
  Runnable,
  Runner,
  Running,
  SeedRunner,
  SeedStreams,
  ChildSink,
  MemoMode,
  MemoScope,
  Lines,
  Sink,
  SlotPool,
  Via,
  Traits,
} from './runner.ts';
export { runCommandGens, type Loop } from './loop.ts';
export { type LoopOptions } from './root.ts';
export { type Extension, type RunBegun, type RunEnded } from './extensions.ts';
export { type Source, type ObservableLike, type ObserverLike } from './source.ts';
export { milliseconds, bytes, systemClock, type Clock, type Duration, type Size } from './clock.ts';
export {
  type Ask,
  type Attendance,
  type Child,
  type Command,
  type Exit,
  type Joint,
  type OutputPipe,
  type Spawner,
  type Stdio,
  type Usage,
} from './spawner.ts';
