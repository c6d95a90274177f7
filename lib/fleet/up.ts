// Waiting for a host that boots, for as long as its errand has time.
import type { Answer } from '../ssh/ask.ts';
import { ConnectionError } from '../ssh/failure.ts';
import { probe } from '../ssh/probe.ts';
import { resolveCommand, resolved, type Place } from '../ssh/resolve.ts';
import type { SshSettings } from '../ssh/settings.ts';
import type { Errand } from './errand.ts';

/** Between two looks. */
const LOOK = 200; // ms
/** Through a jump each look is a whole ssh. */
const LOOK_THROUGH = 1000; // ms
/** After a login that failed, twice as long each time. */
const LOGIN = [200, 2000] as const; // ms
/** After a key was refused. */
const DENIED = [2000, 8000] as const; // ms

/** No other time helps. */
const WRONG =
  /Bad configuration|Bad owner or permissions|ssh_config|configuration options|command-line|Unsupported option/i;
const PASSES = /Temporary failure|try again/i;

/** What a host has to do to be up. */
export interface Up {
  /** Keys are refused for so long at most, in milliseconds. */
  readonly bootWindow: number;
  /** Runs there. */
  readonly argv: readonly [string, ...string[]];
  /** Why its answer is not good; undefined where it is. */
  amiss(answer: Answer): string | undefined;
}

/**
 * Waits until ssh logs in and the answer is good.
 * @throws RunError `connection` at once where time doesn't help: unknown name, wrong host key, wrong configuration; a key that is
 * refused at the end of `bootWindow`
 */
export async function untilUp(errand: Errand<any>, settings: SshSettings, up: Up): Promise<Answer> {
  const place = errand.through ? undefined : await placeOf(errand, settings);
  const probed = place === undefined || place.proxied ? undefined : place;
  let denied: number | undefined;
  let denials = 0;
  let failures = 0;
  for (;;) {
    if (probed !== undefined) await untilBanner(errand, probed);
    const answer = await errand.run(up.argv);
    const { exit } = answer;
    if (exit.type === 'exit') {
      const why = up.amiss(answer);
      if (why === undefined) return answer;
      errand.because(why);
      await errand.wait(LOOK_THROUGH);
      continue;
    }
    const { error } = exit;
    const phase = exit.type === 'lost' ? exit.phase : 'session';
    const failure = error instanceof ConnectionError ? error : new ConnectionError('session', error.message);
    errand.because(`${phase}: ${error.message}`);
    if (ends(phase, error.message)) throw errand.unconnected(failure);
    if (phase === 'auth') {
      denied ??= errand.clock.now();
      const rest = denied + up.bootWindow - errand.clock.now();
      if (rest <= 0) throw errand.unconnected(failure);
      // The last try is at the end of the window.
      await errand.wait(Math.min(rest, growing(DENIED, denials++)));
    } else await errand.wait(Math.max(probed === undefined ? LOOK_THROUGH : 0, growing(LOGIN, failures++)));
  }
}

function growing([first, most]: readonly [number, number], times: number): number {
  return Math.min(most, first * 2 ** times);
}

function ends(phase: string, message: string): boolean {
  if (phase === 'resolve') return !PASSES.test(message);
  return phase === 'host key' || (phase === 'session' && WRONG.test(message));
}

async function placeOf(errand: Errand<any>, settings: SshSettings): Promise<Place> {
  const place = resolved(await errand.runHere(resolveCommand(errand.host, settings)));
  if (place instanceof ConnectionError) throw errand.unconnected(place);
  return place;
}

async function untilBanner(errand: Errand<any>, place: Place): Promise<void> {
  for (;;) {
    const { answer, stop } = probe(place, errand.clock);
    const error = await errand.step(answer, stop);
    if (error === undefined) {
      errand.because(`${place.address} port ${place.port}: an sshd answers, logging in`);
      return;
    }
    errand.because(error.message);
    if (error.phase === 'resolve') throw errand.unconnected(error);
    await errand.wait(LOOK);
  }
}
