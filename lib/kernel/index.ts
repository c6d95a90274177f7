// The kernel's public names, for the other layers and for lib/index.ts.
export * from './event.ts';
export { RunError, isRunError, killedError, describe, toError, type Reason, type RunErrorDetails } from './error.ts';
export {
  advise,
  BaseRunner,
  createRunner,
  isRunner,
  type Advice,
  type Ambient,
  type ChildOptions,
  type Context,
  type ResultOf,
  type ResultsOf,
  type Definition,
  type Run,
  type Runnable,
  type Runner,
  type Running,
  type SeedRunner,
  type SeedStreams,
  type ChildSink,
  type Lines,
  type Sink,
  type SlotPool,
  type Traits,
} from './runner.ts';
export { runCommandGens, type Loop, type LoopOptions } from './loop.ts';
export { type Source, type ObservableLike } from './source.ts';
export { milliseconds, bytes, systemClock, type Clock, type Duration, type Size } from './clock.ts';
export { type Child, type Command, type Exit, type Spawner, type Stdio } from './spawner.ts';
