// What is what: turns whatever a generator may yield into a runner, or says why it can't be one. In this order:
//   1. a Runner (told by its brand)
//   2. something with `next` and an iterator symbol: a generator, which becomes a task
//   3. a function, called when it is started: its result is a Runner or a generator, else the seed's object
//      `{ streams, onComplete }`, else the seed's pair `[onComplete, streams]`
//   4. anything else is a TypeError that names what it got and, where there is one, the remedy
import { callAs } from './current.ts';
import { NEXT, Task } from './task.ts';
import { clip } from './error.ts';
import type { Spec } from './event.ts';
import { BaseRunner, createRunner, isRunner } from './create.ts';
import type { Context, Runnable, Runner, Running, SeedStreams, Sink, Traits } from './runner.ts';
import type { RunRecord } from './run.ts';

/** The adapter for the seed's callables; lib/runners/seed.ts brings it. */
let seedRunner: ((onComplete: () => unknown, streams: SeedStreams) => Runner) | undefined;

/** Brings it. */
export function adoptSeeds(adapter: NonNullable<typeof seedRunner>): void {
  seedRunner = adapter;
}

/** The runner for a yielded value. Throws a TypeError. `where` is the verb of the message: 'yield'. */
export function toRunner<T = unknown>(value: Runnable<T> | unknown, _run?: RunRecord, where = 'yield'): Runner<T> {
  if (isRunner(value)) return value as Runner<T>;
  if (isGenerator(value)) return new GeneratorRunner(value) as Runner<unknown> as Runner<T>;
  if (typeof value === 'function') return functionRunner(value as () => unknown, where) as Runner<T>;
  throw noRunner(value, where);
}

/** Has `next` and an iterator symbol. */
export function isGenerator(value: unknown): value is Generator<unknown> | AsyncGenerator<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const { next, [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = value as Partial<Generator & AsyncGenerator>;
  return typeof next === 'function' && (typeof sync === 'function' || typeof async === 'function');
}

/** The label of a generator object. */
export const UNNAMED = 'generator';

const GENERATOR_SPEC: Spec = { type: 'task', name: UNNAMED };

/** Generator objects that were run: the same one may be given twice. */
const used = new WeakSet<object>();

/** A task runner for a generator object: it runs once only. */
class GeneratorRunner extends BaseRunner<unknown> implements Traits {
  readonly #generator: Generator<unknown> | AsyncGenerator<unknown>;

  constructor(generator: Generator<unknown> | AsyncGenerator<unknown>) {
    super();
    this.#generator = generator;
  }
  get spec(): Spec {
    return GENERATOR_SPEC;
  }
  get label(): string {
    return UNNAMED;
  }
  get traits(): this {
    return this;
  }
  get once(): string {
    return 'a generator object runs once; wrap its function instead: task(fn, ...args)';
  }
  start(_sink: Sink<unknown>, context: Context): Running {
    return startTask(context, this.#generator);
  }
  /** What goes around it takes it over as it is. */
  get discard(): () => void {
    const generator = this.#generator;
    return () => discard(generator);
  }
}

function discard(generator: Generator<unknown> | AsyncGenerator<unknown>): void {
  if (used.has(generator)) return;
  used.add(generator);
  // Its body has not begun, so `return` runs nothing of it.
  try {
    const closed: unknown = generator.return?.(undefined);
    if (closed instanceof Promise) closed.catch(() => {});
  } catch {
    // One made by hand; nobody waits for it.
  }
}

function startTask(context: Context, generator: Generator<unknown> | AsyncGenerator<unknown>): Running {
  // One that has ended would give undefined, as if all were well.
  if (used.has(generator))
    throw new TypeError(
      'this generator was run already; a generator object runs once: pass its function, or task(fn, ...args)',
    );
  used.add(generator);
  const run = context as unknown as RunRecord;
  const task = new Task(run, generator, !(Symbol.iterator in generator));
  run.task = task;
  task.drive(NEXT, undefined);
  return task;
}

function functionRunner(make: () => unknown, where: string): Runner {
  const name = make.name || 'anonymous';
  return createRunner({
    spec: { type: 'task', name },
    label: name,
    start: (sink, context) => startMade(callAs(context as unknown as RunRecord, make), sink, context, where),
  });
}

/** Starts what a function gave, as the run of the function itself. */
export function startMade<T>(made: unknown, sink: Sink<T>, context: Context, where = 'yield'): Running {
  if (isGenerator(made)) return startTask(context, made);
  const runner = isRunner(made) ? made : fromSeed(made, where);
  return context.start(runner, { settle: (outcome) => sink.settle(outcome as never) });
}

function fromSeed(made: unknown, where: string): Runner {
  if (Array.isArray(made) && made.length === 2 && typeof made[0] === 'function') {
    return seed(made[0] as () => unknown, made[1] as SeedStreams);
  }
  if (typeof made === 'object' && made !== null && 'streams' in made) {
    const { onComplete, streams } = made as { onComplete?: unknown; streams: SeedStreams };
    if (onComplete !== undefined && typeof onComplete !== 'function')
      throw new TypeError(`onComplete is no function: ${show(onComplete)}`);
    const call = onComplete as (() => unknown) | undefined;
    return seed(call === undefined ? () => undefined : () => call.call(made), streams);
  }
  throw noRunner(made, where, 'the function gave ');
}

function seed(onComplete: () => unknown, streams: SeedStreams): Runner {
  if (seedRunner === undefined) throw new TypeError(`callables with streams need lib/runners/seed`);
  return seedRunner(onComplete, streams);
}

function noRunner(value: unknown, where: string, prefix = ''): TypeError {
  return new TypeError(
    `${where}: expected a runner, a generator or a function, ${prefix || 'got '}${show(value)}${remedy(value)}`,
  );
}

function remedy(value: unknown): string {
  if (typeof value === 'string') return `; to run a command yield program(${clip(JSON.stringify(value), SHOWN)})`;
  if (Array.isArray(value)) return '; to run several at once yield all([…])';
  if (typeof value === 'object' && value !== null) {
    if (typeof (value as { then?: unknown }).then === 'function')
      return '; to wait for a promise yield promise(() => …)';
    if (typeof (value as { run?: unknown }).run === 'string' && 'at' in value)
      return '; to pass an event on yield emit(event)';
    if (typeof (value as { join?: unknown }).join === 'function') return '; to wait for a run yield run.join()';
  }
  return '';
}

/** Characters of a value that messages show. */
const SHOWN = 80;

/** A value in a few words, for a message. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  switch (typeof value) {
    case 'string':
      return `the string ${clip(JSON.stringify(value), SHOWN)}`;
    case 'function':
      return `the function ${value.name || '(anonymous)'}`;
    case 'object': {
      if (Array.isArray(value)) return `an array of ${value.length}`;
      if (typeof (value as { then?: unknown }).then === 'function') return 'a promise';
      const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name;
      return name === undefined || name === 'Object'
        ? `an object {${clip(Object.keys(value).join(', '), SHOWN)}}`
        : `a ${name}`;
    }
    default:
      return `the ${typeof value} ${clip(String(value), SHOWN)}`;
  }
}
