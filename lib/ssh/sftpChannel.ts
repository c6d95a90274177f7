// One channel that speaks SFTP: requests out, each answer to who has asked.
import type { Channel, ChannelEvents } from './channel.ts';
import { ConnectionError } from './failure.ts';
import { SftpError } from './sftpWire.ts';
import type { Claim, Transport } from './transport.ts';
import { Frames, Reader, Writer } from './wire.ts';

const INIT = 1;
const VERSION = 2;
const STATUS = 101;

interface Pending<T> {
  resolve(answer: T): void;
  reject(error: Error): void;
}

/** The subsystem of a host. `greeted` is told once it has said its version. */
export class SftpChannel implements Claim, ChannelEvents {
  readonly events: ChannelEvents = this;
  /** What the server can beyond version 3. */
  readonly extensions = new Set<string>();
  readonly #connection: Transport;
  readonly #frames = new Frames();
  readonly #pending = new Map<number, Pending<Reader>>();
  readonly #greeted: Pending<void>;
  #channel: Channel | undefined;
  #queue: Buffer[] = [];
  #next = 0;
  #said = '';
  #error: Error | undefined;

  constructor(connection: Transport, greeted: Pending<void>) {
    this.#connection = connection;
    this.#greeted = greeted;
    connection.claim(this);
  }

  /** Leaves the server. What waits for an answer is rejected. */
  close(): void {
    if (this.#channel === undefined) this.#connection.withdraw(this);
    else this.#channel.close();
    this.#end(new ConnectionError('session', 'it was closed'));
  }

  /** Sends a request; gives its answer, read up to behind its number. */
  ask(type: number, fill: (message: Writer) => Writer): Promise<Reader> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error);
        return;
      }
      const id = (this.#next = (this.#next + 1) >>> 0);
      this.#pending.set(id, { resolve, reject });
      this.#send(fill(new Writer().u8(type).u32(id)));
    });
  }

  #send(message: Writer): void {
    this.#queue.push(message.frame());
    if (this.#queue.length === 1) this.writable();
  }

  // --- Claim, ChannelEvents -----------------------------------------------------------------------------------------------

  opening(channel: Channel): void {
    this.#channel = channel;
  }
  failed(error: ConnectionError): void {
    this.#end(error);
  }
  refused(message: string): void {
    this.#end(new ConnectionError('session', `the server opens no channel: ${message}`));
  }
  opened(): void {
    this.#channel!.subsystem('sftp');
    this.#send(new Writer().u8(INIT).u32(3));
  }
  replied(success: boolean): void {
    if (success) return;
    this.#end(new SftpError(8, 'the server has no sftp'));
    this.#channel!.close();
  }

  writable(): void {
    let sent = 0;
    for (const piece of this.#queue) {
      const size = this.#channel!.write(piece);
      if (size < piece.length) {
        this.#queue[sent] = piece.subarray(size);
        break;
      }
      sent++;
    }
    if (sent > 0) this.#queue = this.#queue.slice(sent);
  }

  data(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this.#channel!.taken(chunk.length);
    if (stream === 'stderr') {
      this.#said = (this.#said + chunk.toString()).slice(-2000);
      return;
    }
    try {
      for (const message of this.#frames.push(chunk)) this.#message(message);
    } catch (error) {
      const hint = 'does a start-up file of the remote shell print something?';
      this.#end(new ConnectionError('session', `the server does not speak SFTP: ${(error as Error).message}; ${hint}`));
      this.#channel!.close();
    }
  }

  #message(message: Buffer): void {
    const reader = new Reader(message);
    const type = reader.u8();
    const id = reader.u32();
    if (type === VERSION) {
      for (let at = 5; at < message.length;) {
        const name = reader.string();
        this.extensions.add(name);
        at += 8 + name.length + reader.bytes().length;
      }
      this.#greeted.resolve();
      return;
    }
    const pending = this.#pending.get(id);
    if (pending === undefined) throw new RangeError(`an answer ${type} to nothing`);
    this.#pending.delete(id);
    if (type === STATUS) {
      const code = reader.u32();
      if (code !== 0) {
        pending.reject(new SftpError(code, message.length > 9 ? reader.string() : `Failure ${code}`));
        return;
      }
    }
    pending.resolve(reader);
  }

  ended(): void {}
  exited(): void {}
  closed(): void {
    this.#end(
      new ConnectionError('session', `the sftp server has ended${this.#said === '' ? '' : `: ${this.#said.trim()}`}`),
    );
  }
  lost(error: Error): void {
    this.#end(new ConnectionError('lost', error.message));
  }

  #end(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#queue = [];
    this.#greeted.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
