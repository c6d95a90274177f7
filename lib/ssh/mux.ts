// Channels over the control socket of an OpenSSH master, in its proxy mode (PROTOCOL.mux §9): RFC 4254 in clear, while the
// master does the rest. No process for a command, and no cryptography on our side.
//
// A master ends, and all of its channels with it, when a client goes away that waits for a channel to be opened, or sends
// more than 256 KiB at once. So there is one socket for the life of a master, and channels are closed rather than dropped.
import type { Socket } from 'node:net';
import { MuxChannel, type ChannelEvents, type Destination } from './channel.ts';
import { NoProxyMode } from './failure.ts';
import { Frames, Reader, Writer } from './wire.ts';

const HELLO = 0x00000001;
const VERSION = 4;
const PROXY = 0x1000000f;
const PROXIED = 0x8000000f;
const FAILURE = 0x80000003;

const GLOBAL_REQUEST = 80;
const REQUEST_FAILURE = 82;
const CHANNEL_FIRST = 90;
const CHANNEL_LAST = 100;

/** A master never forgets a channel that was refused: each costs it time from then on, and 10,000 end it (newer ones 16,384). */
const UNFORGOTTEN = 3000;

/** A connection to a master. */
export class Mux {
  readonly #socket: Socket;
  readonly #frames = new Frames();
  readonly #channels = new Map<number, MuxChannel>();
  readonly #lost: (error: Error) => void;
  #next = 0;
  /** Channels among them that are no sessions. */
  #others = 0;
  #unforgotten = 0;
  #greeted: ((error?: Error) => void) | undefined;
  #over = false;

  private constructor(socket: Socket, greeted: (error?: Error) => void, lost: (error: Error) => void) {
    this.#socket = socket;
    this.#greeted = greeted;
    this.#lost = lost;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the master has closed its socket')));
    // Before the first other message both sides say who they are.
    this.#send(new Writer().u32(HELLO).u32(VERSION));
    this.#send(new Writer().u32(PROXY).u32(0));
  }

  /** Connects to the control socket at a path. `lost` is called once it is gone; the channels are told by `fail`. */
  static async connect(path: string, lost: (error: Error) => void): Promise<Mux> {
    // Only here: importing it would be a part of what `import 'sluice'` takes.
    const socket = process.getBuiltinModule('node:net').connect(path);
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        const mux: Mux = new Mux(socket, (error) => (error === undefined ? resolve(mux) : reject(error)), lost);
      });
    });
  }

  /** Sessions that are open or being opened. */
  get channels(): number {
    return this.#channels.size - this.#others;
  }

  /** Whether somebody still wants a channel that is open. */
  get wanted(): boolean {
    for (const channel of this.#channels.values()) if (!channel.closing) return true;
    return false;
  }

  /** Opens a channel for a session. */
  open(events: ChannelEvents): MuxChannel {
    return this.#open(events);
  }

  /** Opens a channel to a port; undefined where too many have been refused. */
  reach(to: Destination, events: ChannelEvents): MuxChannel | undefined {
    if (this.#unforgotten >= UNFORGOTTEN) return undefined;
    this.#others++;
    return this.#open(events, to);
  }

  #open(events: ChannelEvents, to?: Destination): MuxChannel {
    this.#next = (this.#next + 1) | 0;
    const carrier = {
      send: (message: Writer) => this.#send(message),
      closed: (id: number, refused: boolean) => {
        this.#channels.delete(id);
        if (to !== undefined) this.#others--;
        if (refused) this.#unforgotten++;
      },
    };
    const channel = new MuxChannel(this.#next, events, carrier, to);
    this.#channels.set(this.#next, channel);
    return channel;
  }

  /** Whether what was written is on its way; else wait for `drained`. */
  get flows(): boolean {
    return !this.#socket.writableNeedDrain;
  }
  drained(then: () => void): void {
    this.#socket.once('drain', then);
  }

  /** Whether it keeps Node from ending. */
  ref(): void {
    this.#socket.ref();
  }
  unref(): void {
    this.#socket.unref();
  }

  /** Leaves the master, and tells those that have a channel why. */
  fail(error: Error): void {
    this.#end(error);
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    for (const channel of channels) channel.lost(error);
  }

  #send(message: Writer): void {
    if (!this.#over) this.#socket.write(message.frame());
  }

  #read(chunk: Buffer): void {
    try {
      for (const message of this.#frames.push(chunk)) {
        const reader = new Reader(message);
        if (this.#greeted === undefined) this.#message(reader);
        else this.#greeting(reader);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#end(new Error(`the master's messages can't be understood: ${error.message}`));
    }
  }

  #greeting(reader: Reader): void {
    const type = reader.u32();
    const greeted = this.#greeted!;
    if (type === HELLO) {
      const version = reader.u32();
      if (version !== VERSION) this.#end(new Error(`the master speaks version ${version}, not ${VERSION}`));
    } else if (type === PROXIED) {
      this.#greeted = undefined;
      greeted();
    } else if (type === FAILURE) {
      reader.u32();
      this.#end(new NoProxyMode(reader.string()));
    } else this.#end(new Error(`the master answers with message ${type}`));
  }

  #message(reader: Reader): void {
    reader.u8(); // padding
    const type = reader.u8();
    if (type >= CHANNEL_FIRST && type <= CHANNEL_LAST) this.#channels.get(reader.u32() | 0)?.message(type, reader);
    else if (type === GLOBAL_REQUEST) {
      reader.string();
      if (reader.u8() !== 0) this.#send(new Writer().u8(0).u8(REQUEST_FAILURE));
    }
  }

  #end(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    const greeted = this.#greeted;
    this.#greeted = undefined;
    if (greeted === undefined) this.#lost(error);
    else greeted(error);
  }
}
