// How a command ended, told by the script around it on stderr, as ssh's own exit code says 255 for too much: the line
// `TOKEN:begin` comes before anything of the command, `TOKEN:STATUS` once it has ended, wherever its own text has come to.
import { randomBytes } from 'node:crypto';

/** A word that nobody else says. */
export const newToken = (): string => `sluice-${randomBytes(9).toString('hex')}`;

/** What the script says, in the words of sh. */
export const saysBegin = (token: string): string => `echo ${token}:begin >&2`;
export const saysStatus = (token: string, status: string, fd: number): string => `echo ${token}:${status} >&${fd}`;

/** `TOKEN:` and then at most so much, with the newline. */
const LONGEST = 'begin\n'.length;

/** Finds it in what comes on stderr. */
export class Trailer {
  readonly #mark: Buffer;
  /** What may be the beginning of it. */
  #held: Buffer = Buffer.alloc(0);
  #status: number | undefined;
  #begun = false;

  constructor(token: string) {
    this.#mark = Buffer.from(`${token}:`, 'latin1');
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** Undefined until it was said. */
  get status(): number | undefined {
    return this.#status;
  }

  /** What of it was said before the command began, and what is the command's. */
  push(chunk: Buffer): { readonly before: Buffer; readonly own: Buffer } {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    const before: Buffer[] = [];
    const own: Buffer[] = [];
    while (this.#status === undefined) {
      const at = rest.indexOf(this.#mark);
      const end = at === -1 ? -1 : rest.indexOf(10, at + this.#mark.length);
      if (end === -1) {
        const kept = at === -1 ? rest.length - this.#overlap(rest) : at;
        // A line that long is none of ours.
        if (rest.length - kept <= this.#mark.length + LONGEST) {
          this.#held = Buffer.from(rest.subarray(kept));
          rest = rest.subarray(0, kept);
        }
        break;
      }
      (this.#begun ? own : before).push(rest.subarray(0, at));
      const said = rest.toString('latin1', at + this.#mark.length, end);
      rest = rest.subarray(end + 1);
      if (said === 'begin') this.#begun = true;
      else this.#status = Number(said);
    }
    (this.#begun ? own : before).push(rest);
    return { before: joined(before), own: joined(own) };
  }

  /** Nothing more comes: what was held back. */
  rest(): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  /** How many of the last bytes are the first ones of the mark. */
  #overlap(bytes: Buffer): number {
    for (let size = Math.min(bytes.length, this.#mark.length - 1); size > 0; size--)
      if (bytes.subarray(bytes.length - size).equals(this.#mark.subarray(0, size))) return size;
    return 0;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
