// A program that is talked to before it begins: sudo asks for a password on stderr and reads it from stdin, which is the
// command's from then on. Nothing but the password is written before the command has begun: it would be taken for one.
import { writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Attendance, Child, Command, Exit, OutputPipe, Spawner } from '../kernel/index.ts';
import { ends } from '../spawn/group.ts';
import { ChannelPipe } from './channelPipe.ts';
import { Dialogue } from './dialogue.ts';
import { HeldInput } from './heldInput.ts';
import { localEnds, type LocalEnds } from './localEnds.ts';
import { startReached, type Start } from './reached.ts';

/** A spawner that heeds `Command.attended`. It joins no programs: what is written first has to come from us. */
export function attending(spawner: Spawner): Spawner {
  return {
    ...spawner, // one of a host has a connection
    name: spawner.name,
    room: () => spawner.room(),
    joint: () => undefined,
    spawn(command, started, exited) {
      const { attended, ...rest } = command;
      if (attended === undefined) return spawner.spawn(command, started, exited);
      const { asks, lifeline, reach } = attended;
      const begin: Start = (started, exited) => {
        if (asks.length === 0 && !lifeline) return { child: spawner.spawn(rest, started, exited), begun: () => true };
        const child = new Attended(spawner, rest, attended, started, exited);
        return { child, begun: () => child.begun };
      };
      if (reach === undefined) return begin(started, exited).child;
      return startReached(attending(spawner), begin, reach, started, exited);
    },
  };
}

/** Lets a watcher of ours go before it is looked who is left behind. */
const LEAVING = { every: 5, times: 40 }; // ms
/** Who holds stderr open after the exit is waited for as long as this, where it isn't read by others. */
const QUIET = 200; // ms

class Attended implements Child {
  readonly #spawner: Spawner;
  readonly #command: Command;
  readonly #attended: Attendance;
  readonly #started: (pid: number | undefined) => void;
  readonly #exited: (exit: Exit) => void;
  #dialogue: Dialogue | undefined;
  #local: LocalEnds | undefined;
  #file: FileHandle | undefined;
  #child: Child | undefined;
  #stdin: HeldInput | undefined;
  #stderr: ChannelPipe | undefined;
  #stderrClosed = false;
  #running = false;
  #over = false;

  constructor(
    spawner: Spawner,
    command: Command,
    attended: Attendance,
    started: (pid: number | undefined) => void,
    exited: (exit: Exit) => void,
  ) {
    this.#spawner = spawner;
    this.#command = command;
    this.#attended = attended;
    this.#started = started;
    this.#exited = exited;
    void this.#begin();
  }

  async #begin(): Promise<void> {
    const { stdin, stderr } = this.#command;
    const asks = this.#attended.asks.length > 0;
    try {
      const passwords: string[] = [];
      for (const ask of this.#attended.asks) passwords.push(await ask.password());
      if (asks)
        this.#dialogue = new Dialogue(this.#attended.asks, passwords, {
          answer: (line) => this.#child!.stdin!.write(line),
          // At the end of its input it asks no more.
          refused: () => this.#child!.stdin!.end(),
          say: (chunk) => this.#say(chunk),
          over: () => this.#open(),
        });
      this.#local = await localEnds({ ...this.#command, stdout: 'pipe', stderr: 'pipe' });
      if (asks && typeof stderr === 'object' && 'file' in stderr)
        this.#file = await open(stderr.file, stderr.append === true ? 'a' : 'w');
    } catch (error) {
      const { path: file, code } = error as NodeJS.ErrnoException;
      this.#local?.close();
      // A file that can't be opened has its path; everything else is a password that there is none of.
      this.#end(
        file === undefined
          ? { type: 'error', code: 'PASSWORD', error: error as Error }
          : { type: 'error', code: code ?? 'EIO', error: error as Error, file },
      );
      return;
    }
    if (this.#over) {
      this.#close();
      return;
    }
    const piped: Command = { ...this.#command, stdin: 'pipe', stderr: asks ? 'pipe' : stderr };
    if (stdin !== 'ignore') this.#stdin = new HeldInput();
    this.#child = this.#spawner.spawn(
      piped,
      (pid) => this.#begun(pid),
      (exit) => this.#ended(exit),
    );
  }

  #begun(pid: number | undefined): void {
    const child = this.#child!;
    this.#running = true;
    child.stdin!.on('error', () => {});
    const dialogue = this.#dialogue;
    if (dialogue === undefined) this.#open();
    else {
      this.#stderr = new ChannelPipe(() => {});
      child.stderr!.on('data', (chunk) => dialogue.hear(chunk));
      child.stderr!.on('close', () => {
        dialogue.end();
        this.#stderr!.end();
        this.#stderrClosed = true;
        this.#closed?.();
      });
    }
    this.#local!.join(this.#stdin, undefined, undefined);
    this.#started(pid);
  }

  /** What is the command's. */
  #say(chunk: Buffer): void {
    const { stderr } = this.#command;
    if (stderr === 'pipe') this.#stderr!.push(chunk);
    else if (stderr === 'inherit') process.stderr.write(chunk);
    else if (this.#file !== undefined) writeSync(this.#file.fd, chunk);
  }

  /** From now on its stdin is its own. */
  #open(): void {
    const { stdin } = this.#child!;
    if (this.#stdin !== undefined) this.#stdin.open(stdin!);
    else if (!this.#attended.lifeline) stdin!.end();
  }

  #ended(exit: Exit): void {
    this.#stdin?.over();
    if (!this.#running) this.#close();
    const dialogue = this.#running ? this.#dialogue : undefined;
    if (dialogue !== undefined && (dialogue.refused || this.#command.stderr !== 'pipe'))
      this.#whenClosed(() => this.#conclude(exit));
    else this.#conclude(exit);
  }

  #conclude(exit: Exit): void {
    void this.#file?.close();
    if (this.#dialogue?.refused !== true) {
      this.#leave(() => this.#end(exit));
      return;
    }
    const said = this.#dialogue.rest.trim().replace(/\s*\n\s*/g, ' ');
    const message = `the password was refused${said === '' ? '' : `: ${said}`}`;
    this.#end({ type: 'error', code: 'PASSWORD', error: new Error(message) });
  }

  #closed: (() => void) | undefined;
  #whenClosed(then: () => void): void {
    const timer = setTimeout(() => this.#closed!(), QUIET);
    this.#closed = () => {
      clearTimeout(timer);
      this.#closed = undefined;
      then();
    };
    if (this.#stderrClosed) this.#closed();
  }

  #close(): void {
    this.#local?.close();
    void this.#file?.close();
  }

  /** The watcher sees that its input has ended, and goes. */
  #leave(then: () => void): void {
    const child = this.#child!;
    if (!this.#attended.lifeline || child.stdin === undefined) {
      then();
      return;
    }
    child.stdin.end();
    let times = 0;
    const look = (): void => {
      if (times++ < LEAVING.times && child.alive()) setTimeout(look, LEAVING.every);
      else then();
    };
    look();
  }

  #end(exit: Exit): void {
    if (this.#over) return;
    this.#over = true;
    queueMicrotask(() => this.#exited(exit));
  }

  /** Nobody asks it anything any more. */
  get begun(): boolean {
    return this.#running && this.#dialogue?.over !== false;
  }

  // --- Child --------------------------------------------------------------------------------------------------------------

  get pid(): number | undefined {
    return this.#child?.pid;
  }
  get stdin(): Writable | undefined {
    return this.#command.stdin === 'pipe' && this.#running ? this.#stdin : undefined;
  }
  get stdout(): OutputPipe | undefined {
    return this.#child?.stdout;
  }
  get stderr(): OutputPipe | undefined {
    return this.#attended.asks.length === 0
      ? this.#child?.stderr
      : this.#command.stderr === 'pipe'
        ? this.#stderr
        : undefined;
  }

  signal(signal: NodeJS.Signals): void {
    const child = this.#child;
    if (child === undefined) {
      if (ends(signal)) this.#end({ type: 'exit', exitCode: undefined, signal });
      return;
    }
    if (this.begun && this.#attended.lifeline) child.stdin!.write(`${signal.slice(3)}\n`);
    else {
      // Who waits for a password can be beyond our rights to signal, but not without its input.
      if (this.#running && !this.begun) child.stdin!.end();
      child.signal(signal);
    }
  }
  alive(): boolean {
    return this.#child?.alive() ?? false;
  }
  members(): readonly number[] {
    return this.#child?.members() ?? [];
  }
  release(): void {
    this.#child?.release();
  }
}
