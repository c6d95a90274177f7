// A command on another machine, as a Child of the Spawner seam: one channel of the host's connection.
import type { Writable } from 'node:stream';
import type { Child, Command, Exit } from '../kernel/index.ts';
import { ends } from '../spawn/group.ts';
import type { Channel, ChannelEvents } from './channel.ts';
import { ChannelInput } from './channelInput.ts';
import { ChannelPipe } from './channelPipe.ts';
import { ConnectionError } from './failure.ts';
import { localEnds, type LocalEnds } from './localEnds.ts';
import { kill } from './remoteKill.ts';
import { newToken } from './trailer.ts';
import { remoteScript, type Care, type Script } from './remoteScript.ts';
import type { Claim, Transport } from './transport.ts';

/** What becomes of a command on its host. */
export interface LoginShell {
  /** The user's login shell reads our texts as sh does. */
  readonly sh?: boolean;
  /** Its first word is what that shell is given, and nobody looks after it. */
  readonly asIs?: boolean;
}

/** Starts a command by a connection. */
export function startRemote(
  connection: Transport,
  command: Command,
  started: (pid: undefined) => void,
  exited: (exit: Exit) => void,
  shell: LoginShell = {},
): Child {
  return new RemoteChild(connection, command, started, exited, shell);
}

class RemoteChild implements Child, Claim, ChannelEvents {
  readonly pid = undefined;
  readonly events: ChannelEvents = this;
  readonly #connection: Transport;
  readonly #command: Command;
  readonly #started: (pid: undefined) => void;
  readonly #exited: (exit: Exit) => void;
  readonly #care: Care;
  readonly #shell: LoginShell;
  #local: LocalEnds | undefined;
  #channel: Channel | undefined;
  #stdin: ChannelInput | undefined;
  #stdout: ChannelPipe | undefined;
  #stderr: ChannelPipe | undefined;
  /** The remote pid, of one that has its stdin for itself. */
  #remotePid: number | undefined;
  /** What stderr began with, until the pid was found in it. */
  #preamble: Buffer | undefined;
  #running = false;
  #exit: Extract<Exit, { type: 'exit' }> | undefined;
  #over = false;
  /** Who would tell of its end may have been killed with it. */
  #killed = false;
  readonly #pending: NodeJS.Signals[] = [];

  constructor(
    connection: Transport,
    command: Command,
    started: (pid: undefined) => void,
    exited: (exit: Exit) => void,
    shell: LoginShell,
  ) {
    this.#connection = connection;
    this.#shell = shell;
    this.#command = command;
    this.#started = started;
    this.#exited = exited;
    if (command.detach === true || shell.asIs === true) this.#care = { type: 'none' };
    else if (command.stdin === 'ignore') this.#care = { type: 'lifeline' };
    else this.#care = { type: 'poll', token: newToken() };
    void this.#begin();
  }

  get stdin(): Writable | undefined {
    return this.#command.stdin === 'pipe' ? this.#stdin : undefined;
  }
  get stdout(): ChannelPipe | undefined {
    return this.#command.stdout === 'pipe' ? this.#stdout : undefined;
  }
  get stderr(): ChannelPipe | undefined {
    return this.#command.stderr === 'pipe' ? this.#stderr : undefined;
  }

  async #begin(): Promise<void> {
    try {
      this.#local = await localEnds(this.#command);
    } catch (error) {
      const { path: file, code = 'EIO' } = error as NodeJS.ErrnoException;
      this.#end({ type: 'error', code, error: error as Error, ...(file === undefined ? {} : { file }) });
      return;
    }
    if (this.#over) this.#local.close();
    else this.#connection.claim(this);
  }

  // --- Child --------------------------------------------------------------------------------------------------------------

  signal(signal: NodeJS.Signals): void {
    if (this.#over || this.#exit !== undefined) return;
    if (this.#channel === undefined) {
      if (!ends(signal)) return;
      this.#connection.withdraw(this);
      this.#end({ type: 'exit', exitCode: undefined, signal });
    } else if (!this.#running && this.#channel.token !== undefined && ends(signal)) {
      this.#channel.close();
      this.#end({ type: 'exit', exitCode: undefined, signal });
    } else if (!this.#running || (this.#care.type !== 'lifeline' && this.#remotePid === undefined))
      this.#pending.push(signal);
    else this.#send(signal);
  }

  /** The remote session's own watcher knows of those that are left; from here nobody does. */
  alive(): boolean {
    return this.#running && !this.#over && this.#exit === undefined;
  }
  members(): readonly number[] {
    return [];
  }
  release(): void {
    if (!this.#over) this.#channel?.close();
  }

  #send(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') this.#killed = true;
    const name = signal.replace(/^SIG/, '');
    if (this.#care.type === 'lifeline') {
      const line = Buffer.from(`${name}\n`);
      if (this.#channel!.write(line) === line.length) return;
      // What it is to run has not yet gone there.
      this.#killed = true;
      this.#channel!.close();
    } else if (this.#remotePid !== undefined)
      kill(this.#connection, this.#remotePid, name, () => this.#channel?.signal(name));
    else this.#channel!.signal(name);
  }

  // --- Claim --------------------------------------------------------------------------------------------------------------

  opening(channel: Channel): void {
    this.#channel = channel;
  }

  failed(error: ConnectionError): void {
    this.#end({ type: 'lost', phase: error.phase, sent: 'no', error });
  }

  // --- ChannelEvents ------------------------------------------------------------------------------------------------------

  opened(): void {
    const channel = this.#channel!;
    const called = this.#pending.find(ends);
    if (called !== undefined) {
      // It was called off before anything was sent.
      channel.close();
      this.#end({ type: 'exit', exitCode: undefined, signal: called });
      return;
    }
    const script = this.#script(channel);
    channel.exec(script.text, script.input);
  }

  #script(channel: Channel): Script {
    const command = this.#command;
    const { token } = channel;
    const { sh = false, asIs = false } = this.#shell;
    if (asIs) {
      if (token === undefined) return { text: command.argv[0] };
      return remoteScript({ ...command, argv: ['/bin/sh', '-c', command.argv[0]] }, { care: this.#care, token });
    }
    return (
      channel.script?.(command) ?? remoteScript(command, { care: this.#care, token, sh: sh && token === undefined })
    );
  }

  refused(message: string): void {
    this.#channel = undefined;
    this.failed(new ConnectionError('session', `the server opens no channel: ${message}`));
  }

  replied(success: boolean): void {
    if (this.#over || this.#running) return;
    if (!success) {
      this.failed(new ConnectionError('session', 'the server runs no commands'));
      this.#channel!.close();
      return;
    }
    this.#running = true;
    const { stdin, stdout, stderr } = this.#command;
    const taken = (bytes: number): void => this.#channel!.taken(bytes);
    if (stdout !== 'ignore') this.#stdout = new ChannelPipe(taken);
    if (stderr !== 'ignore') this.#stderr = new ChannelPipe(taken);
    if (stdin !== 'ignore') this.#stdin = new ChannelInput(this.#channel!);
    if (this.#care.type === 'poll') this.#preamble = Buffer.alloc(0);
    else if (this.#care.type === 'none' && stdin === 'ignore') this.#channel!.eof();
    this.#local!.join(this.#stdin, this.#stdout, this.#stderr);
    this.#started(undefined);
    if (this.#care.type === 'lifeline') for (const signal of this.#pending.splice(0)) this.#send(signal);
  }

  data(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    if (stream === 'stderr' && this.#preamble !== undefined) {
      const all = Buffer.concat([this.#preamble, chunk]);
      const found = this.#findPid(all);
      if (found === undefined) {
        this.#preamble = all;
        return;
      }
      this.#preamble = undefined;
      this.#channel!.taken(all.length - found.length);
      if (found.length === 0) return;
      chunk = found;
    }
    const pipe = stream === 'stdout' ? this.#stdout : this.#stderr;
    if (pipe === undefined) this.#channel!.taken(chunk.length);
    else pipe.push(chunk);
  }

  /** The rest of it, once the pid has come. */
  #findPid(all: Buffer): Buffer | undefined {
    const { token } = this.#care as Extract<Care, { type: 'poll' }>;
    const at = all.indexOf(`${token}:`);
    const end = at === -1 ? -1 : all.indexOf(10, at);
    if (end === -1) return undefined;
    this.#remotePid = Number(all.toString('latin1', at + token.length + 1, end));
    for (const signal of this.#pending.splice(0)) this.#send(signal);
    return Buffer.concat([all.subarray(0, at), all.subarray(end + 1)]);
  }

  ended(): void {
    if (this.#preamble !== undefined) {
      const all = this.#preamble;
      this.#preamble = undefined;
      if (all.length > 0) this.#stderr?.push(all);
    }
    this.#stdout?.end();
    this.#stderr?.end();
  }

  exited(exitCode: number | undefined, signal: string | undefined): void {
    const name = signal === undefined ? undefined : (`SIG${signal.replace(/@.*/, '')}` as NodeJS.Signals);
    this.#exit = { type: 'exit', exitCode, signal: name };
    this.#stdin?.over();
    this.#report(this.#exit);
  }

  writable(): void {
    this.#stdin?.flow();
  }

  closed(): void {
    this.ended();
    this.#over = true;
    if (this.#killed && this.#exit === undefined) this.exited(undefined, 'KILL');
    if (this.#exit === undefined)
      this.#lose(new ConnectionError('lost', 'the session was closed without an exit status'));
  }

  lost(error: Error): void {
    this.ended();
    this.#over = true;
    if (this.#exit === undefined) this.#lose(new ConnectionError('lost', error.message));
  }

  #lose(error: ConnectionError): void {
    this.#stdin?.over();
    const sent = this.#running ? 'maybe' : 'no';
    this.#report({ type: 'lost', phase: error.phase, sent, error });
  }

  /** It never began. */
  #end(exit: Exit): void {
    this.#over = true;
    this.#local?.close();
    queueMicrotask(() => this.#report(exit));
  }

  #reported = false;
  #report(exit: Exit): void {
    if (this.#reported) return;
    this.#reported = true;
    if (this.#running && this.#local !== undefined) this.#local.written(() => this.#exited(exit));
    else this.#exited(exit);
  }
}
