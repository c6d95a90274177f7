// One channel of a connection (RFC 4254): a session in which one command runs. Its windows are the back-pressure: nothing is
// sent that the other side has no room for, and it is given more room as its data is taken.
import type { Command } from '../kernel/index.ts';
import type { Script } from './remoteScript.ts';
import type { Reader } from './wire.ts';
import { Writer } from './wire.ts';

const OPEN = 90;
const OPENED = 91;
const OPEN_FAILED = 92;
const WINDOW_ADJUST = 93;
const DATA = 94;
const EXTENDED_DATA = 95;
const EOF = 96;
const CLOSE = 97;
const REQUEST = 98;
const SUCCESS = 99;
const FAILURE = 100;
const STDERR = 1;

/** What may be on its way to us unread. */
const WINDOW = 2 * 1024 * 1024;
/** One message; OpenSSH's own. */
const PACKET = 32_768;

/** What a channel tells; nothing inside `open`, nothing after `closed` or `lost`. */
export interface ChannelEvents {
  opened(): void;
  /** It was refused. */
  refused(message: string): void;
  /** Whether the other side does what was asked for last with a reply. */
  replied(success: boolean): void;
  /** To be given back by `taken` once it was read. */
  data(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  /** No more data. */
  ended(): void;
  exited(exitCode: number | undefined, signal: string | undefined): void;
  /** There is room for more of `write`. */
  writable(): void;
  closed(): void;
  /** The connection is gone. */
  lost(error: Error): void;
}

/** Where one command runs. */
export interface Channel {
  /**
   * Where the transport can't tell how a command ended: the word by which the script around it has to (remoteScript). Such a channel
   * may take long until its command begins.
   */
  readonly token?: string;
  /** The text for a command, where it has to be another than a script of its own. */
  script?(command: Command): Script;
  /** Has a command run by the remote user's shell; `replied` tells whether. `input` goes to its stdin before what is written. */
  exec(command: string, input?: Uint8Array): void;
  subsystem(name: string): void;
  /** Signals the command's process group, by the name without SIG; many servers don't do it, and none says so. */
  signal(name: string): void;
  /** Sends no more than there is room for; returns how much of it. */
  write(bytes: Uint8Array): number;
  /** No more will be written. */
  eof(): void;
  /** So many bytes of data have been taken. */
  taken(bytes: number): void;
  /** Closes it from this side; `closed` comes when the other side has too. One that isn't open yet is closed then. */
  close(): void;
}

/** Where a channel leads that is no session: to a port, as the other machine sees it. */
export interface Destination {
  readonly address: string;
  readonly port: number;
}

/** What a channel needs of its connection. */
export interface Carrier {
  send(message: Writer): void;
  closed(id: number, refused: boolean): void;
}

/** A channel of a connection. */
export class MuxChannel implements Channel {
  readonly #id: number;
  readonly #events: ChannelEvents;
  readonly #carrier: Carrier;
  #remote: number | undefined;
  /** Bytes that the other side has room for, and how many in one message. */
  #room = 0;
  #packet = PACKET;
  /** Bytes taken that it hasn't been told of. */
  #taken = 0;
  /** What has to be sent before what is written. */
  #input: Uint8Array = new Uint8Array();
  #eof = false;
  #sentEof = false;
  #sentClose = false;
  #over = false;

  constructor(id: number, events: ChannelEvents, carrier: Carrier, to?: Destination) {
    this.#id = id;
    this.#events = events;
    this.#carrier = carrier;
    const open = new Writer()
      .u8(0)
      .u8(OPEN)
      .string(to === undefined ? 'session' : 'direct-tcpip');
    open.u32(id).u32(WINDOW).u32(PACKET);
    // With where it comes from, of which nobody makes anything.
    if (to !== undefined) open.string(to.address).u32(to.port).string('127.0.0.1').u32(0);
    carrier.send(open);
  }

  /** It was closed from this side. */
  get closing(): boolean {
    return this.#sentClose;
  }

  /** Bytes that `write` takes now. */
  get room(): number {
    return this.#eof || this.#sentClose || this.#input.length > 0 ? 0 : this.#room;
  }

  exec(command: string, input: Uint8Array = new Uint8Array()): void {
    this.#send(REQUEST, (message) => message.string('exec').u8(1).string(command));
    this.#input = input;
    this.#flow();
  }

  subsystem(name: string): void {
    this.#send(REQUEST, (message) => message.string('subsystem').u8(1).string(name));
  }

  signal(name: string): void {
    this.#send(REQUEST, (message) => message.string('signal').u8(0).string(name));
  }

  write(bytes: Uint8Array): number {
    return this.#write(bytes, this.room);
  }

  #write(bytes: Uint8Array, room: number): number {
    const size = Math.min(bytes.length, room);
    for (let at = 0; at < size;) {
      const piece = bytes.subarray(at, Math.min(size, at + this.#packet));
      this.#send(DATA, (message) => message.string(piece));
      at += piece.length;
    }
    this.#room -= size;
    return size;
  }

  eof(): void {
    this.#eof = true;
    this.#flow();
  }

  #flow(): void {
    if (this.#sentClose) return;
    if (this.#input.length > 0) this.#input = this.#input.subarray(this.#write(this.#input, this.#room));
    if (!this.#eof || this.#sentEof || this.#input.length > 0) return;
    this.#sentEof = true;
    this.#send(EOF, (message) => message);
  }

  taken(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < WINDOW / 4 || this.#over || this.#sentClose) return;
    const more = this.#taken;
    this.#taken = 0;
    this.#send(WINDOW_ADJUST, (message) => message.u32(more));
  }

  close(): void {
    if (this.#sentClose) return;
    this.#sentClose = true;
    if (this.#remote !== undefined) this.#send(CLOSE, (message) => message);
  }

  /** The connection is gone. */
  lost(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.lost(error);
  }

  /** A message for it, read up to behind the channel's number. */
  message(type: number, reader: Reader): void {
    const events = this.#events;
    switch (type) {
      case OPENED:
        this.#remote = reader.u32();
        this.#room = reader.u32();
        this.#packet = Math.min(PACKET, reader.u32());
        if (this.#sentClose) this.#send(CLOSE, (message) => message);
        else events.opened();
        return;
      case OPEN_FAILED:
        reader.u32();
        this.#end(true);
        events.refused(reader.string());
        return;
      case WINDOW_ADJUST: {
        this.#room += reader.u32();
        this.#flow();
        if (this.room > 0) events.writable();
        return;
      }
      case DATA:
        events.data('stdout', Buffer.from(reader.bytes()));
        return;
      case EXTENDED_DATA: {
        const stream = reader.u32();
        const bytes = reader.bytes();
        if (stream === STDERR) events.data('stderr', Buffer.from(bytes));
        else this.taken(bytes.length);
        return;
      }
      case EOF:
        events.ended();
        return;
      case CLOSE:
        if (!this.#sentClose) this.close();
        this.#end();
        events.closed();
        return;
      case REQUEST:
        this.#request(reader);
        return;
      case SUCCESS:
      case FAILURE:
        events.replied(type === SUCCESS);
    }
  }

  #request(reader: Reader): void {
    const name = reader.string();
    const reply = reader.u8() !== 0;
    if (name === 'exit-status') this.#events.exited(reader.u32(), undefined);
    else if (name === 'exit-signal') this.#events.exited(undefined, reader.string());
    if (reply) this.#send(FAILURE, (message) => message);
  }

  #end(refused = false): void {
    this.#over = true;
    this.#carrier.closed(this.#id, refused);
  }

  #send(type: number, fill: (message: Writer) => Writer): void {
    if (this.#over || this.#remote === undefined) return;
    this.#carrier.send(fill(new Writer().u8(0).u8(type).u32(this.#remote)));
  }
}
