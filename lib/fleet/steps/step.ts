// What all steps are made of: a script that looks, then one that changes what is not as it should be. Both run where programs run
// in their surroundings: here, or on a host within `via.ssh(host)`.
import { DONE, follow } from '../../kernel/running.ts';
import { Writable } from 'node:stream';
import { task } from '../../compose/task.ts';
import { within } from '../../compose/within.ts';
import { createRunner, isRunError, RunError, type Json, type Runner } from '../../kernel/index.ts';
import { checkOptions } from '../../kernel/options.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { show } from '../../kernel/runnable.ts';
import { program } from '../../runners/program.ts';
import { toHost, type Host } from '../../ssh/host.ts';
import { checkSettings, SETTINGS, settingsAmong, type SshSettings } from '../../ssh/settings.ts';
import { viaSsh } from '../../ssh/via.ts';

/** What every step takes. */
export interface StepOptions extends SshSettings {
  /** Where it is done, with how that is connected to beside it. Default: where programs run around it. */
  readonly host?: Host | string;
  /** Only looks, and tells what it would change. Default false. */
  readonly check?: boolean;
}

/** What a step gives. */
export interface StepResult<S> {
  /** With `check`: whether it would have changed something. */
  readonly changed: boolean;
  /** What was there; undefined where nothing was. */
  readonly before?: S | undefined;
  /** What is there now; with `check` as far as it can be told. */
  readonly after?: S | undefined;
  /** What has changed in a text of up to 64 KiB, as a unified diff. */
  readonly diff?: string | undefined;
}

/** What looking has found. */
export interface Found<S> {
  readonly before: S | undefined;
  readonly after: S | undefined;
  readonly diff?: string | undefined;
  /** What is not as it should be, in words; nothing: it is well. */
  readonly amiss: readonly string[];
  /** Makes it so, and gives what is there then where that is known better than before. */
  change(): Generator<any, S | undefined, any>;
}

/** A step. */
export interface Step<S> {
  /** The name of its function. */
  readonly type: string;
  /** What it is about: a path, a name. */
  readonly subject: string;
  /** What should be, in words: of a dry run, which doesn't look. */
  readonly wish: string;
  readonly spec: { readonly [field: string]: Json };
  readonly options: StepOptions;
  look(): Generator<any, Found<S>, any>;
}

/** Throws a TypeError for options that no step has, or not this one (`own` are its). */
export function checkStep(what: string, options: StepOptions, own: readonly string[]): void {
  checkOptions(what, options, [...own, 'check', 'host', ...SETTINGS]);
  const { check, host } = options;
  if (check !== undefined && typeof check !== 'boolean')
    throw new TypeError(`${what}: check is true or false, not ${show(check)}`);
  const settings = settingsAmong(options);
  checkSettings(what, settings);
  if (host !== undefined) toHost(host);
  else if (Object.keys(settings).length > 0)
    throw new TypeError(`${what}: ${Object.keys(settings).join(', ')} is about a host; give host too`);
}

/** The runner of a step. It notes "ok" or "changed: …"; what fails has the step's name and what was said there. */
export function step<S>({ type, subject, wish, spec, options, look }: Step<S>): Runner<StepResult<S>> {
  const { check = false } = options;
  const host = options.host === undefined ? undefined : toHost(options.host);
  const where = host === undefined ? {} : { host: host.name };
  const full = { type, ...where, ...spec, ...(check ? { check } : {}) };
  const label = `${host === undefined ? '' : `${host.name}: `}${type} ${subject}`;
  const body = task(function* (): Generator<any, readonly [Found<S>, S | undefined], any> {
    const found = yield* look();
    if (check || found.amiss.length === 0) return [found, found.after];
    return [found, (yield* found.change()) ?? found.after];
  });
  const placed = host === undefined ? body : within({ via: viaSsh(host, settingsAmong(options)) }, body);
  return createRunner<StepResult<S>>({
    spec: full,
    label,
    start(sink, context) {
      if ((context as unknown as RunRecord).ambient.dryRun) {
        sink.note(`would ensure ${wish}`);
        sink.settle({ type: 'finished', value: { changed: false } });
        return DONE;
      }
      const child = context.start(placed, {
        settle(outcome) {
          if (outcome.type === 'killed') sink.settle(outcome);
          else if (outcome.type === 'failed')
            sink.settle({ type: 'failed', error: named(outcome.error, context.id, label, full) });
          else {
            const [{ amiss, before, diff }, after] = outcome.value;
            const changed = amiss.length > 0;
            const told = changed ? `${check ? 'would change' : 'changed'}: ${amiss.join(', ')}` : 'ok';
            sink.note(check && diff !== undefined ? `${told}\n${diff.trimEnd()}` : told);
            sink.settle({
              type: 'finished',
              value: { changed, before, after, ...(diff === undefined ? {} : { diff }) },
            });
          }
        },
      });
      return follow(child);
    },
  });
}

/** The program of a script would be named by the whole script. */
function named(error: Error, run: string, label: string, spec: { readonly type: string }): Error {
  if (!isRunError(error)) return error;
  const { reason, stdout, stderr, cause } = error;
  return new RunError({ reason, run, label, spec, tails: { stdout: stdout.replace(/^sluice\n?/, ''), stderr }, cause });
}

/** What a script takes. */
interface ScriptOptions {
  /** What it is for: its lines are labelled so. */
  readonly label: string;
  readonly stdin?: Uint8Array;
}

/** Stands before what a script answers: a login shell may have said something before it. */
const BEGUN = 'sluice\n';

/** Runs a script of shell.ts; gives what it wrote behind its `echo sluice`, of which no line events are made. */
export function* ask(script: string, args: readonly string[], options: ScriptOptions): Generator<any, Buffer, any> {
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, taken) {
      chunks.push(chunk);
      taken();
    },
  });
  yield* program(['/bin/sh', '-c', script, 'sh', ...args], { ...options, stdout });
  const all = Buffer.concat(chunks);
  const at = all.indexOf(BEGUN);
  if (at === -1)
    throw new Error(`${options.label}: no shell has run the script; it gave ${show(all.toString().slice(0, 200))}`);
  return all.subarray(at + BEGUN.length);
}

/** Runs a script whose lines are worth reading. */
export function* perform(script: string, args: readonly string[], label: string): Generator<any, void, any> {
  yield* program(['/bin/sh', '-c', script, 'sh', ...args], { label });
}

/** The first line of an answer, and what follows it. */
export function firstLine(answer: Buffer): [line: string, rest: Buffer] {
  const end = answer.indexOf(10);
  if (end === -1) return [answer.toString(), Buffer.alloc(0)];
  return [answer.toString('utf8', 0, end), answer.subarray(end + 1)];
}
