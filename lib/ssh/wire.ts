// Messages of the SSH connection protocol (RFC 4254) in the frames of OpenSSH's multiplexing (PROTOCOL.mux): a length, then
// the bytes. Proxy mode has a byte in front of each message that stands for the padding, always 0.

/** Builds one message. */
export class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #at = 4;

  u8(value: number): this {
    this.#room(1);
    this.#at = this.#bytes.writeUInt8(value, this.#at);
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at);
    return this;
  }

  string(value: string | Uint8Array): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    this.u32(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** The message in its frame. */
  frame(): Buffer {
    this.#bytes.writeUInt32BE(this.#at - 4, 0);
    return this.#bytes.subarray(0, this.#at);
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + size));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Reads one message. Throws where it is shorter than it says. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  bytes(): Buffer {
    const length = this.u32();
    const from = this.#at;
    if (from + length > this.#bytes.length) throw new RangeError('a message ends inside of a string');
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  string(): string {
    return this.bytes().toString();
  }
}

/** What no peer of ours sends: something else speaks. */
const LONGEST = 1024 * 1024;

/** Cuts what arrives into messages. Throws a RangeError for a length that can't be one. */
export class Frames {
  #rest: Buffer[] = [];
  #size = 0;
  /** Bytes of the next message with its length, once that is known. */
  #wanted = 4;

  *push(chunk: Buffer): Generator<Buffer> {
    this.#rest.push(chunk);
    this.#size += chunk.length;
    while (this.#size >= this.#wanted) {
      const all = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest);
      this.#rest = [all];
      if (this.#wanted === 4) {
        const length = all.readUInt32BE(0);
        if (length > LONGEST) throw new RangeError(`a message of ${length} bytes`);
        this.#wanted = 4 + length;
        if (length > 0) continue;
      }
      const rest = all.subarray(this.#wanted);
      const message = all.subarray(4, this.#wanted);
      this.#rest = rest.length > 0 ? [rest] : [];
      this.#size = rest.length;
      this.#wanted = 4;
      yield message;
    }
  }
}
