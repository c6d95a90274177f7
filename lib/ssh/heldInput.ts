import { Writable } from 'node:stream';

/** What is written waits until the program has begun. */
export class HeldInput extends Writable {
  #target: Writable | undefined;
  #over = false;
  #act: (() => void) | undefined;

  open(target: Writable): void {
    this.#target = target;
    this.#act?.();
    this.#act = undefined;
  }

  /** Nobody reads any more. */
  over(): void {
    if (this.#over) return;
    this.#over = true;
    this.on('error', () => {});
    this.destroy(Object.assign(new Error('the command reads no more'), { code: 'EPIPE' }));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#when(() => this.#target!.write(chunk, done));
  }

  override _final(done: () => void): void {
    this.#when(() => {
      this.#target!.end();
      done();
    });
  }

  #when(act: () => void): void {
    if (this.#target === undefined) this.#act = act;
    else act();
  }
}
