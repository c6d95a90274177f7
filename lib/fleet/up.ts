// Waiting for a host that boots, for as long as its errand has time. One that is up costs its login and nothing else.
import { defaultSpawner } from '../kernel/scope.ts';
import { ask, type Answer } from '../ssh/ask.ts';
import { ConnectionError } from '../ssh/failure.ts';
import { probe, probeFrom, type Probing } from '../ssh/probe.ts';
import { resolveCommand, resolved } from '../ssh/resolve.ts';
import type { SshSettings } from '../ssh/settings.ts';
import { Aside, type Steps } from './aside.ts';
import type { Errand } from './errand.ts';

/** Between two looks. */
const LOOK = 200; // ms
/** From another host it is a part of the time waited so far: refused channels cost that host's master memory. */
const PART = 1 / 20;
/** Where nothing can be looked at each look is a whole ssh. */
const LOOK_WHOLE = 1000; // ms
/** After a login that failed, twice as long each time. */
const LOGIN = [200, 2000] as const; // ms
/** After a key was refused. */
const DENIED = [2000, 8000] as const; // ms
/**
 * A login that takes as long is looked beside. Packets that a machine drops while it boots are sent again after 1, 3, 7 s: until
 * the second of them a look would find nothing sooner, and only cost those whose login is slow.
 */
const SLOW = 2900; // ms

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
  /** The login shell is given the first word as it is. */
  readonly asIs?: boolean;
  /** Why its answer is not good; undefined where it is. */
  amiss(answer: Answer): string | undefined | Promise<string | undefined>;
}

/**
 * Waits until ssh logs in and the answer is good.
 * @throws RunError `connection` at once where time doesn't help: unknown name, wrong host key, wrong configuration; a key that is
 * refused at the end of `bootWindow`
 */
export async function untilUp(errand: Errand<any>, settings: SshSettings, up: Up): Promise<Answer> {
  const lookout = new Lookout(errand, settings);
  let denied: number | undefined;
  let denials = 0;
  let failures = 0;
  /** Before the next login, where it has to be seen that one is of use. */
  let again: number | undefined;
  for (;;) {
    let looked = false;
    if (again !== undefined) {
      await errand.wait(again);
      looked = (await lookout.untilBanner(errand)) !== undefined;
      if (!looked) await errand.wait(Math.max(0, LOOK_WHOLE - again));
      again = undefined;
    }
    const answer = await loginWatched(errand, looked ? undefined : lookout, up);
    const { exit } = answer;
    if (exit.type === 'exit') {
      errand.answered = true;
      const why = await up.amiss(answer);
      if (why === undefined) return answer;
      errand.because(why);
      await errand.wait(LOOK_WHOLE);
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
    } else again = growing(LOGIN, failures++);
  }
}

/** Logs in, and looks beside it once that takes long: it begins anew where the host can be reached only meanwhile. */
function loginWatched(errand: Errand<any>, lookout: Lookout | undefined, { argv, asIs }: Up): Promise<Answer> {
  const { there, clock } = errand;
  const { answer, stop } = ask(asIs === true ? there.login : there, clock, argv);
  if (lookout === undefined) return errand.step(answer, stop);
  const aside = new Aside(errand.clock, async (steps) => {
    await steps.wait(SLOW);
    const misses = await lookout.untilBanner(steps);
    if (misses !== undefined && misses > 0) errand.there.connection.renew();
  });
  const end = (): void => {
    aside.end();
    stop();
  };
  return errand.step(answer, end).finally(() => aside.end());
}

function growing([first, most]: readonly [number, number], times: number): number {
  return Math.min(most, first * 2 ** times);
}

function ends(phase: string, message: string): boolean {
  if (phase === 'resolve') return !PASSES.test(message);
  return phase === 'host key' || (phase === 'session' && WRONG.test(message));
}

/** Whether an sshd answers, as far as that can be seen without a login. */
class Lookout {
  readonly #errand: Errand<any>;
  readonly #settings: SshSettings;
  readonly #since: number;
  #look: (() => Probing | undefined) | undefined;
  /** Between two looks, of the time that has been waited so far. */
  #part = 0;

  constructor(errand: Errand<any>, settings: SshSettings) {
    this.#errand = errand;
    this.#settings = settings;
    this.#since = errand.clock.now();
  }

  /** Until a banner comes: how often none has; undefined where it can't be seen. */
  async untilBanner(steps: Steps): Promise<number | undefined> {
    const errand = this.#errand;
    for (let misses = 0; ; misses++) {
      const probing = (this.#look ??= await this.#find(steps))();
      if (probing === undefined) return undefined;
      const error = await steps.step(probing.answer, () => probing.stop());
      if (error === undefined) {
        errand.because(`${probing.where}: an sshd answers, logging in`);
        return misses;
      }
      errand.because(error.message);
      if (error.phase === 'resolve') throw errand.unconnected(error);
      await steps.wait(Math.max(LOOK, this.#part * (errand.clock.now() - this.#since)));
    }
  }

  /** The user's OpenSSH says where the host is. */
  async #find(steps: Steps): Promise<() => Probing | undefined> {
    const { host, clock, there } = this.#errand;
    const { answer, stop } = ask(defaultSpawner(), clock, resolveCommand(host, this.#settings), { cwd: '/' });
    const place = resolved(await steps.step(answer, stop));
    if (place instanceof ConnectionError) throw this.#errand.unconnected(place);
    const { by } = there;
    if (by !== undefined) {
      this.#part = PART;
      return () => probeFrom(by.host, by.connection, place, clock);
    }
    return () => (place.proxied ? undefined : probe(place, clock));
  }
}
