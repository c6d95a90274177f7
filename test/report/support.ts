// Streams that remember, and events made by hand.
import { Writable } from 'node:stream';
import type { Event, Outcome } from '../../lib/kernel/index.ts';

/** A stream that keeps what is written; `writes` has each write. */
export class Paper extends Writable {
  readonly writes: string[] = [];
  isTTY?: boolean;
  columns?: number;

  constructor(terminal?: { columns?: number }) {
    super({ decodeStrings: false });
    if (terminal === undefined) return;
    this.isTTY = true;
    if (terminal.columns !== undefined) this.columns = terminal.columns;
  }
  override _write(text: string, _encoding: string, done: (error?: Error) => void): void {
    this.writes.push(text);
    done();
  }
  get text(): string {
    return this.writes.join('');
  }
  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

/** Ends the turn: what was reported is written. */
export async function written(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

type Report = (event: Event) => void;

/** Says to a report what runs do. */
export function tell(report: Report) {
  const at = 1000;
  return {
    start: (run: string, label: string, type = 'program', more = {}) =>
      report({ run, at, type: 'start', spec: { type, ...more }, label }),
    line: (run: string, line: string, stream = 'stdout') => report({ run, at, type: 'line', stream, line }),
    partial: (run: string, line: string) => report({ run, at, type: 'line', stream: 'stdout', line, partial: true }),
    item: (run: string, item: unknown) => report({ run, at, type: 'item', item }),
    note: (run: string, text: string) => report({ run, at, type: 'note', text }),
    settle: (run: string, outcome: Outcome<unknown> = { type: 'finished', value: undefined }) =>
      report({ run, at, type: 'settle', outcome, ms: 12 }),
  };
}
