// What a remote command's stdin, stdout and stderr are joined to on this machine: files and Node's own.
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import type { Command, OutputPipe } from '../kernel/index.ts';

/** As long as that is waited for, and how often it is looked. */
const QUIET = 200; // ms
const LOOK = 2; // ms

/** Opened, before anything is connected. */
export interface LocalEnds {
  /** Joins them to the command that has begun. */
  join(stdin: Writable | undefined, stdout: OutputPipe | undefined, stderr: OutputPipe | undefined): void;
  /** Calls back once all has been written, or soon after the last that came where somebody holds an end open. */
  written(then: () => void): void;
  /** They won't be needed. */
  close(): void;
}

/** Rejects with the error of a file that can't be opened, which has its `path`. */
export async function localEnds({ stdin, stdout, stderr }: Command): Promise<LocalEnds> {
  let source: Readable | undefined;
  const targets: (Writable | undefined)[] = [];
  const close = (): void => {
    source?.destroy();
    for (const target of targets) if (target !== process.stdout && target !== process.stderr) target?.destroy();
  };
  try {
    if (stdin === 'inherit') source = process.stdin;
    else if (typeof stdin === 'object' && 'file' in stdin)
      source = createReadStream('', { fd: await open(stdin.file, 'r') });
    for (const [place, own] of [
      [stdout, process.stdout],
      [stderr, process.stderr],
    ] as const) {
      const first = targets[0];
      if (place === 'inherit') targets.push(own);
      else if (typeof place !== 'object' || !('file' in place)) targets.push(undefined);
      // The same file for both is opened once, as by the shell's `>file 2>&1`.
      else if (first !== undefined && typeof stdout === 'object' && 'file' in stdout && stdout.file === place.file)
        targets.push(first);
      else targets.push(createWriteStream('', { fd: await open(place.file, place.append === true ? 'a' : 'w') }));
    }
  } catch (error) {
    close();
    throw error;
  }
  let unwritten = 0;
  let heard = 0;
  return {
    close,
    written(then) {
      const since = Date.now();
      const look = (): void => {
        if (unwritten === 0 || Date.now() - Math.max(since, heard) > QUIET) then();
        else setTimeout(look, LOOK);
      };
      look();
    },
    join(input, output, errors) {
      if (source !== undefined && input !== undefined) source.pipe(input);
      input?.on('error', () => source?.unpipe(input));
      for (const [from, to] of [
        [output, targets[0]],
        [errors, targets[1]],
      ] as const) {
        if (from === undefined || to === undefined) continue;
        unwritten++;
        let over = false;
        const done = (): void => {
          if (!over) unwritten--;
          over = true;
        };
        to.on('error', () => {
          done();
          from.destroy();
        });
        from.on('data', (chunk) => {
          heard = Date.now();
          if (to.write(chunk)) return;
          from.pause();
          to.once('drain', () => from.resume());
        });
        from.on('close', () => {
          if (to === process.stdout || to === process.stderr || to.writableEnded) done();
          else to.end(done);
        });
      }
    },
  };
}
