// What is said on stderr before a program begins, by those who ask for passwords: one behind the other, each gets its answer once.
import type { Attendance } from '../kernel/index.ts';

/** What it tells. */
export interface DialogueEvents {
  /** The answer to who has asked. */
  answer(line: string): void;
  /** It was wrong: there is none any more. */
  refused(): void;
  /** What is the program's. */
  say(chunk: Buffer): void;
  /** Nobody asks any more. */
  over(): void;
}

export class Dialogue {
  readonly #asks: Attendance['asks'];
  readonly #passwords: readonly string[];
  readonly #events: DialogueEvents;
  /** How many of those who ask have begun, and whether the next one has its answer. */
  #asked = 0;
  #answered = false;
  /** What is not yet known to be the program's. */
  #heard = '';
  #refused = false;

  constructor(asks: Attendance['asks'], passwords: readonly string[], events: DialogueEvents) {
    this.#asks = asks;
    this.#passwords = passwords;
    this.#events = events;
  }

  get over(): boolean {
    return this.#asked === this.#asks.length;
  }

  /** Whether a password was wrong. */
  get refused(): boolean {
    return this.#refused;
  }

  /** What was said to nobody. */
  get rest(): string {
    return this.#heard;
  }

  hear(chunk: Buffer): void {
    if (this.over) {
      this.#events.say(chunk);
      return;
    }
    this.#heard += chunk.toString('latin1');
    for (;;) {
      const ask = this.#asks[this.#asked];
      if (ask === undefined) break;
      const begun = this.#heard.indexOf(`${ask.begun}\n`);
      const prompt = this.#heard.indexOf(ask.prompt);
      if (prompt !== -1 && (begun === -1 || prompt < begun)) {
        this.#cut(prompt, ask.prompt.length);
        this.#answer();
      } else if (begun !== -1) {
        this.#cut(begun, ask.begun.length + 1);
        this.#asked++;
        this.#answered = false;
      } else return;
    }
    // What has been said by those who asked: their newline behind the password is no line.
    const said = this.#heard.replace(/^\s*\n/, '');
    this.#heard = '';
    if (said !== '') this.#events.say(Buffer.from(said, 'latin1'));
    this.#events.over();
  }

  /** No more is said. */
  end(): void {
    if (!this.#refused && this.#heard !== '') this.#events.say(Buffer.from(this.#heard, 'latin1'));
  }

  #cut(at: number, length: number): void {
    this.#heard = this.#heard.slice(0, at) + this.#heard.slice(at + length);
  }

  #answer(): void {
    if (this.#answered) {
      this.#refused = true;
      this.#events.refused();
    } else this.#events.answer(`${this.#passwords[this.#asked]}\n`);
    this.#answered = true;
  }
}
