// Removes on a host what was not finished there, when we are gone: a shell that has the names of the folders, and comes to the
// end of its input with us or our connection.
import { quote } from '../../runners/quote.ts';
import type { Channel, ChannelEvents } from '../../ssh/channel.ts';
import type { Claim, Transport } from '../../ssh/transport.ts';
import { HIDDEN } from './scripts.ts';

/** A guard of the unfinished files of one copy. Where it can't be had, the copy goes on without. */
export class Guard {
  readonly #connection: Transport;
  readonly #claim: Claim;
  #channel: Channel | undefined;
  #waiting: Buffer;
  #running = false;
  #over = false;
  readonly #covered = new Set<string>();

  /** `token`: what the names of its files have in them. */
  constructor(connection: Transport, token: string) {
    this.#connection = connection;
    // Again a little later: who has written the files may be a moment behind.
    const remove = `for d; do rm -f -- "$d"/${HIDDEN}${token}-*; done`;
    this.#waiting = Buffer.from(`trap '' HUP INT TERM; trap '${remove}; sleep 1; ${remove}' EXIT\n`);
    const ended = (): void => void (this.#over = true);
    const events: ChannelEvents = {
      opened: () => {
        this.#channel!.exec('exec /bin/sh');
        this.#running = true;
        this.#flow();
      },
      replied: (success) => void (this.#over ||= !success),
      data: (_stream, chunk) => this.#channel!.taken(chunk.length),
      writable: () => this.#flow(),
      ...{ refused: ended, ended() {}, exited: ended, closed: ended, lost: ended },
    };
    this.#claim = { events, opening: (channel) => (this.#channel = channel), failed: ended };
    connection.claim(this.#claim);
  }

  /** There may be unfinished files in this folder. */
  cover(folder: string): void {
    if (this.#covered.has(folder)) return;
    this.#covered.add(folder);
    this.#say(`set -- "$@" ${quote(/^-/.test(folder) ? `./${folder}` : folder)}\n`);
  }

  /** No more will be covered. `clean`: all were finished, nothing is to be removed. */
  end(clean: boolean): void {
    this.#connection.withdraw(this.#claim);
    if (this.#channel === undefined || this.#over) return;
    if (clean) this.#say('trap - EXIT; exit\n');
    if (!this.#running) this.#channel.close();
    else if (this.#waiting.length === 0) this.#channel.eof();
  }

  #say(text: string): void {
    this.#waiting = Buffer.concat([this.#waiting, Buffer.from(text)]);
    this.#flow();
  }

  #flow(): void {
    if (!this.#running || this.#over) return;
    this.#waiting = this.#waiting.subarray(this.#channel!.write(this.#waiting));
  }
}
