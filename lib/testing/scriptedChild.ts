// A program that `scripted` plays: real streams, and nobody behind them.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough, type Writable } from 'node:stream';
import { milliseconds, type Child, type Clock, type Command, type Exit, type Stdio } from '../kernel/index.ts';
import type { Expected, Output, ScriptedCall } from './scriptedTypes.ts';

const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

/** A child as the spawner gives it: says and does what is expected of its command. */
export class ScriptedChild implements Child {
  readonly pid = undefined;
  stdin: PassThrough | undefined;
  stdout: PassThrough | undefined;
  stderr: PassThrough | undefined;
  readonly #expected: Expected;
  readonly #command: Command;
  readonly #call: { stdin: string; readonly signals: readonly NodeJS.Signals[] } & ScriptedCall;
  readonly #clock: Clock;
  readonly #exited: (exit: Exit) => void;
  #over = false;
  #begun = false;
  #cancelDelay: (() => void) | undefined;

  constructor(
    expected: Expected,
    command: Command,
    call: ScriptedCall,
    clock: Clock,
    started: (pid: undefined) => void,
    exited: (exit: Exit) => void,
  ) {
    this.#expected = expected;
    this.#command = command;
    this.#call = call;
    this.#clock = clock;
    this.#exited = exited;
    queueMicrotask(() => this.#start(started));
  }

  #start(started: (pid: undefined) => void): void {
    if (this.#over) return; // called off
    const { error } = this.#expected;
    if (error !== undefined) {
      const code = typeof error === 'string' ? error : (error.code ?? 'UNKNOWN');
      this.#over = true;
      this.#exited({
        type: 'error',
        code,
        error: typeof error === 'string' ? new Error(`${this.#call.argv[0]}: ${code}, as scripted`) : error,
      });
      return;
    }
    const { stdin, stdout, stderr } = this.#command;
    this.stdin = stdin === 'pipe' ? new PassThrough() : undefined;
    this.stdout = stdout === 'pipe' ? new PassThrough() : undefined;
    this.stderr = stderr === 'pipe' ? new PassThrough() : undefined;
    this.#begun = true;
    started(undefined);
    this.#say('plain');
    this.#read(stdin);
  }

  /** Plain output comes at once, since a server speaks before it is spoken to; what a function gives has seen all of stdin. */
  #say(which: 'plain' | 'function'): void {
    const { stdout, stderr } = this.#expected;
    const now = (output: Expected['stdout']): boolean => (typeof output === 'function') === (which === 'function');
    if (now(stdout)) this.#write(this.#command.stdout, this.stdout, process.stdout, stdout);
    if (now(stderr)) this.#write(this.#command.stderr, this.stderr, process.stderr, stderr);
  }

  #read(stdin: Stdio): void {
    if (typeof stdin === 'object' && 'file' in stdin) this.#call.stdin = readFileSync(stdin.file, 'utf8');
    const input = this.stdin;
    if (input === undefined) {
      this.#play();
      return;
    }
    const decoder = new TextDecoder();
    input.on('data', (chunk: Buffer) => (this.#call.stdin += decoder.decode(chunk, { stream: true })));
    if (this.#expected.reads === false) this.#play();
    else input.once('end', () => this.#play());
  }

  #play(): void {
    if (this.#over) return;
    const { delay, endless, exitCode = 0, signal } = this.#expected;
    this.#say('function');
    if (endless === true) return;
    const end = (): void => this.#end(signal === undefined ? exitCode : undefined, signal);
    if (delay === undefined) end();
    else this.#cancelDelay = this.#clock.after(milliseconds(delay), end);
  }

  #write(place: Stdio, pipe: Writable | undefined, own: Writable, output: Expected['stdout']): void {
    const given = typeof output === 'function' ? output(this.#call) : output;
    const bytes = given === undefined ? '' : isList(given) ? given.map((line) => `${line}\n`).join('') : given;
    if (typeof place === 'object' && 'file' in place)
      (place.append === true ? appendFileSync : writeFileSync)(place.file, bytes);
    else if (bytes.length > 0) (place === 'inherit' ? own : pipe)?.write(bytes);
  }

  #end(exitCode: number | undefined, signal: NodeJS.Signals | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelDelay?.();
    this.stdout?.end();
    this.stderr?.end();
    queueMicrotask(() => this.#exited({ type: 'exit', exitCode, signal }));
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#over) return;
    (this.#call.signals as NodeJS.Signals[]).push(signal);
    if (!ENDING.includes(signal)) return;
    if (signal !== 'SIGKILL' && this.#begun && this.#expected.ignores?.includes(signal) === true) return;
    this.#end(undefined, signal);
  }
  alive(): boolean {
    return !this.#over;
  }
  members(): readonly number[] {
    return [];
  }
  release(): void {}
}

function isList(output: Output): output is readonly string[] {
  return Array.isArray(output);
}
