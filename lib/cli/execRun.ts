// What `exec` does: the command on each host, what is kept of that, and the end.
import { join } from 'node:path';
import { fileNameOf } from '../store/folders.ts';
import { LineFile } from '../advice/lineFile.ts';
import { each, type EachOptions } from '../fleet/each.ts';
import { neverSent } from '../fleet/eachHost.ts';
import type { HostSet } from '../fleet/hostSet.ts';
import type { FleetResult } from '../fleet/result.ts';
import { keyOf } from '../fleet/typed.ts';
import { via } from '../fleet/via.ts';
import { within } from '../compose/within.ts';
import { Fifo } from '../kernel/fifo.ts';
import type { Duration, Via } from '../kernel/index.ts';
import { program, type ProgramResult } from '../runners/program.ts';
import type { Host } from '../ssh/host.ts';
import type { SshSettings } from '../ssh/settings.ts';
import type { Spool } from './spool.ts';

/** Characters of a stream of a host that are kept for the end; of more, the last. */
const KEPT = 4 * 1024 * 1024;

/** What is to be done. */
export interface ExecPlan {
  readonly hosts: HostSet;
  readonly command: string | readonly [string, ...string[]];
  readonly settings: SshSettings;
  readonly timeout: Duration | undefined;
  /** As another user. */
  readonly sudo: Via | undefined;
  /** For the command's stdin. */
  readonly input: Spool | undefined;
  readonly each: EachOptions;
  /** Keep what the hosts say. */
  readonly keep: boolean;
  /** A folder. */
  readonly transcript: string | undefined;
  /** Told of each host that has ended. */
  ended(end: ExecEnd): void;
}

/** How a host has ended. */
export interface ExecEnd {
  readonly host: Host;
  /** Undefined: it was the command that succeeded. */
  readonly error: Error | undefined;
  readonly reached: boolean;
  readonly ms: number;
  readonly stdout: Said;
  readonly stderr: Said;
}

/** The lines of a stream. */
export class Said {
  readonly #lines = new Fifo<string>();
  #size = 0;
  /** Lines at the beginning that are not kept any more. */
  lost = 0;

  line(line: string): void {
    this.#lines.push(line);
    this.#size += line.length + 1;
    while (this.#size > KEPT && this.#lines.length > 1) {
      this.#size -= this.#lines.shift()!.length + 1;
      this.lost++;
    }
  }

  /** Each with its newline. */
  get text(): string {
    let text = '';
    for (const line of this.#lines) text += `${line}\n`;
    return text;
  }
}

/** Runs it on each host. */
export function* execute(plan: ExecPlan): Generator<any, FleetResult<ProgramResult>, any> {
  return yield* each(plan.hosts, (host) => onHost(host, plan), plan.each);
}

function* onHost(host: Host, plan: ExecPlan): Generator<any, ProgramResult, any> {
  const { transcript, keep } = plan;
  const begun = Date.now();
  const said = { stdout: new Said(), stderr: new Said() };
  const name = keyOf(host);
  const files: Partial<Record<keyof typeof said, LineFile>> = {};
  const hear =
    (stream: 'stdout' | 'stderr') =>
    (line: string): void => {
      files[stream]?.line(line);
      if (keep) said[stream].line(line);
    };
  let error: Error | undefined;
  try {
    if (transcript !== undefined) {
      files.stdout = new LineFile(join(transcript, `${fileNameOf(name)}.out`));
      files.stderr = new LineFile(join(transcript, `${fileNameOf(name)}.err`));
    }
    const heard = keep || transcript !== undefined ? { stdout: hear('stdout'), stderr: hear('stderr') } : {};
    const stdin = plan.input === undefined ? {} : { stdin: plan.input.reader() };
    const command = program(plan.command, { ...heard, ...stdin, label: name, capture: false, timeout: plan.timeout });
    const body = plan.sudo === undefined ? command : within({ via: plan.sudo }, command);
    return yield* within({ via: via.ssh(host, plan.settings) }, body);
  } catch (thrown) {
    error = thrown as Error;
    throw thrown;
  } finally {
    files.stdout?.flush();
    files.stderr?.flush();
    plan.ended({ host, error, reached: error === undefined || !neverSent(error), ms: Date.now() - begun, ...said });
  }
}
