import { DONE } from '../kernel/running.ts';
import {
  isRunner,
  type Advice,
  type Json,
  type Outcome,
  type Runner,
  type Running,
  type Sink,
} from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { surroundingsOf, untold } from './sameness.ts';
import { isEnding, mustRepeat, wrapped } from './wrap.ts';

/** What `once` takes for the same. */
export interface OnceOptions {
  /** Runs with the same key do the same, whatever they are. Needed where a spec doesn't tell all: tasks, callbacks, streams. */
  readonly key?: Json;
}

/** Work under way, and who waits for it. */
interface Flight {
  /** The run that does it; undefined where it was killed, and those who wait are all paused. */
  leader: RunRecord | undefined;
  readonly waiting: Map<RunRecord, () => void>;
  /** Tells those who wait. */
  readonly told: Map<RunRecord, (outcome: Outcome<any>) => void>;
}

/** What a run leads, or has led, of any `once`. */
const led = new WeakMap<RunRecord, Flight>();

/**
 * Runs with this very advice that would do the same, at the same time, are done once: `const shared = once()`, then
 * `program('make dist').with(shared)` wherever it is needed. Later ones join the one under way (a note names it) and have its
 * outcome, its failure too; its lines are its own. When it has ended, the next one runs again: for remembering there is `memo`.
 *
 * The same are those of equal specs in equal surroundings: folder, environment, host and `via`. A spec that doesn't tell all that
 * it does (tasks, generators, callbacks, streams) is a TypeError that asks for `once({ key })`. The work belongs to the first run:
 * where that is killed, the next in line starts it anew. Throws a TypeError for what runs once only, anyway.
 */
export function once(options: OnceOptions = {}): Advice {
  if (isRunner(options)) throw new TypeError('once: write const shared = once(), then runner.with(shared)');
  checkOptions('once', options, ['key']);
  const given = options.key === undefined ? undefined : keyOf(options.key);
  const flights = new Map<string, Flight>();
  return <T, I>(inner: Runner<T, I>): Runner<T, I> => {
    mustRepeat(inner, 'once');
    if (given === undefined) {
      const missing = untold(inner);
      if (missing !== undefined)
        throw new TypeError(
          `once: the spec of ${inner.label} doesn't tell ${missing}, so it can't be compared; say what is the same: once({ key: … })`,
        );
    }
    const spec = { type: 'once', ...(options.key === undefined ? {} : { key: options.key }) };
    return wrapped(inner, spec, (sink, context) => {
      const run = context as unknown as RunRecord;
      const key = JSON.stringify([given ?? inner.spec, surroundingsOf(run)]);
      let child: Running | undefined;
      const lead = (flight: Flight): void => {
        flight.leader = run;
        led.set(run, flight);
        child = context.start(inner, {
          settle(outcome) {
            flight.leader = undefined;
            if (outcome.type === 'killed') {
              sink.settle(outcome);
              pass(flight, forget);
              return;
            }
            flights.delete(key);
            sink.settle(outcome);
            const told = [...flight.told.values()];
            // Nobody waits any more: one that is paused is told too, and would begin it anew when it plays.
            flight.waiting.clear();
            flight.told.clear();
            for (const tell of told) tell(outcome);
          },
        });
      };
      const found = flights.get(key);
      const flight: Flight = found ?? { leader: undefined, waiting: new Map(), told: new Map() };
      const forget = (): void => void flights.delete(key);
      flights.set(key, flight);
      if (flight.leader === undefined) lead(flight);
      else if (!join(flight, run, sink, lead)) return DONE;
      return {
        pause() {},
        play() {
          if (flight.waiting.has(run) && flight.leader === undefined) pass(flight, forget);
        },
        kill(by) {
          if (child !== undefined) {
            child.kill(by);
            return;
          }
          flight.told.delete(run);
          if (flight.waiting.delete(run) && flight.leader === undefined) pass(flight, forget);
          sink.settle({ type: 'killed', by });
        },
        describe: () => (child === undefined ? `waits for ${flight.leader?.id ?? 'nobody'}, which does the same` : ''),
      };
    });
  };
}

/** Waits for the run that does the same already; false where that one waits for this one. */
function join<T>(flight: Flight, run: RunRecord, sink: Sink<T, any>, lead: (flight: Flight) => void): boolean {
  const leader = flight.leader!;
  if (awaits(leader, run)) {
    const error = new Error(
      `once: ${run.label} (${run.id}) would wait for itself: ${leader.label} (${leader.id}), which does the same, waits for it`,
    );
    sink.settle({ type: 'failed', error });
    return false;
  }
  sink.note(`joins ${leader.id}, which does the same`, { joins: leader.id });
  flight.waiting.set(run, () => lead(flight));
  flight.told.set(run, (outcome) => sink.settle(outcome as Outcome<T>));
  return true;
}

/** Whether a run can't end before another: it is above that one, or above one that waits, likewise, for what is above that one. */
function awaits(leader: RunRecord, run: RunRecord): boolean {
  const seen = new Set<RunRecord>();
  const stuck = [run];
  for (const one of stuck) {
    for (let at: RunRecord | undefined = one; at !== undefined && !seen.has(at); at = at.parent) {
      if (at === leader) return true;
      seen.add(at);
      const flight = led.get(at);
      if (flight?.leader === at) for (const waiting of flight.waiting.keys()) stuck.push(waiting);
    }
  }
  return false;
}

/** The one that did the work was killed: the next who can does it. Where nobody waits, it is forgotten. */
function pass(flight: Flight, forget: () => void): void {
  if (flight.waiting.size === 0) forget();
  for (const [run, lead] of flight.waiting) {
    if (isEnding(run) || run.paused) continue;
    flight.waiting.delete(run);
    flight.told.delete(run);
    run.note('the run that it had joined was killed: does it itself');
    lead();
    return;
  }
}

function keyOf(key: Json): string {
  const text: unknown = JSON.stringify(key);
  if (typeof text !== 'string') throw new TypeError(`once: key is data that JSON can say, not ${show(key)}`);
  return text;
}
