// What programs write, read from their pipes: a part of Node's Readable, on one epoll for all of them. Two net.Sockets took
// a third of what a short program costs Node.
import { EventEmitter } from 'node:events';
import { newEpoll, type Epoll } from './epoll.ts';
import { close, errnoError, makeNonBlocking, readInto } from './libc.ts';

/** Bytes read at once: what a pipe holds. */
const CHUNK = 65_536;
/** A chunk of which less is used is copied. */
const COPIED = CHUNK / 4;

let epoll: Epoll | undefined;
/** Those that are open, by the number that epoll tells: their descriptors are given to others after them. */
const open = new Map<number, PipeReader>();
let numbers = 0;
/** How many flow: they keep Node from ending. */
let flowing = 0;
/** Those that may have something to be read: epoll tells only of what changes. */
let due: PipeReader[] = [];
let scheduled = false;
let buffer = Buffer.allocUnsafeSlow(CHUNK);

/** What epoll calls can't throw, and nobody runs microtasks after it. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(turn);
}

function turn(): void {
  scheduled = false;
  epoll!.changes((number) => open.get(number)?.changed());
  const readers = due;
  due = [];
  let at = 0;
  try {
    for (; at < readers.length; at++) readers[at]!.read();
  } finally {
    // A listener has thrown: it may have more to hear, and the others have their turn nevertheless.
    if (at < readers.length) due = [...readers.slice(at), ...due];
    if (due.length > 0) schedule();
  }
}

/**
 * The end to read from of a pipe. As a Readable it is paused or flows: from the first listener for 'data' on, unless it
 * was paused before. It emits 'data' (a Buffer), 'end', 'error' and 'close'.
 */
export class PipeReader extends EventEmitter {
  #fd: number | undefined;
  /** Once it has flowed. */
  #number: number | undefined;
  #flowing: boolean | null = null;
  /** There may be something to be read. */
  #ready = false;

  /** The descriptor is closed at the end, or by `destroy`. */
  constructor(fd: number) {
    super();
    makeNonBlocking(fd);
    this.#fd = fd;
  }

  /** Null while nobody has said. */
  get readableFlowing(): boolean | null {
    return this.#flowing;
  }

  override on(event: string, listener: (...args: any[]) => void): this {
    super.on(event, listener);
    if (event === 'data' && this.#flowing === null) this.resume();
    return this;
  }

  pause(): this {
    this.#flow(false);
    return this;
  }

  resume(): this {
    if (this.#number === undefined && this.#fd !== undefined && !this.#watch(this.#fd)) return this;
    this.#flow(true);
    return this;
  }

  /** Reads no more. What is written after that ends its writer, as ever, by SIGPIPE. */
  destroy(): this {
    if (this.#fd !== undefined) {
      this.#close();
      process.nextTick(() => this.emit('close'));
    }
    return this;
  }

  /** To be called when epoll tells of it. */
  changed(): void {
    if (this.#ready) return;
    this.#ready = true;
    if (this.#flowing === true) due.push(this);
  }

  /**
   * Reads what there is, up to a bound, as others want to be read too. Epoll tells again only when nothing was left: a read
   * that gives less than it could says nothing (a writer may have asked for packets, O_DIRECT).
   */
  read(): void {
    let total = 0;
    while (this.#ready && this.#flowing === true && this.#fd !== undefined) {
      if (total >= CHUNK) {
        due.push(this);
        return;
      }
      const size = readInto(buffer, this.#fd);
      if (size <= 0) {
        const error = size === 0 ? undefined : errnoError('read');
        this.#ready = error?.code === 'EINTR';
        if (error === undefined || !PASSING.has(error.code!)) this.#finish(error);
        continue;
      }
      let chunk = buffer.subarray(0, size);
      if (size < COPIED) chunk = Buffer.from(chunk);
      else buffer = Buffer.allocUnsafeSlow(CHUNK);
      total += size;
      this.emit('data', chunk);
    }
  }

  #watch(fd: number): boolean {
    try {
      epoll ??= newEpoll(schedule);
      this.#number = numbers = (numbers + 1) | 0; // 32 bits of it come back
      epoll.add(fd, numbers);
    } catch (error) {
      this.#close();
      process.nextTick(() => this.#tell(error as Error));
      return false;
    }
    open.set(numbers, this);
    return true;
  }

  #flow(flows: boolean): void {
    const before = this.#flowing === true;
    this.#flowing = flows;
    if (flows === before || this.#fd === undefined) return;
    flowing += flows ? 1 : -1;
    if (flowing === 0) epoll!.unref();
    else if (flows && flowing === 1) epoll!.ref();
    if (!flows || !this.#ready) return;
    due.push(this);
    schedule();
  }

  #finish(error: Error | undefined): void {
    this.#close();
    this.#tell(error);
  }

  #tell(error: Error | undefined): void {
    if (error === undefined) this.emit('end');
    else this.emit('error', error);
    this.emit('close');
  }

  #close(): void {
    this.#flow(false);
    if (this.#number !== undefined) open.delete(this.#number);
    close(this.#fd!);
    this.#fd = undefined;
  }
}

const PASSING = new Set(['EAGAIN', 'EINTR']);
