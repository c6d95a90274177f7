// What the tests of lib/spawn share: programs run through the execa spawner, and looks at the processes of the machine.
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Child, Command, Exit, Spawner } from '../../lib/kernel/spawner.ts';
import { localSpawner } from '../../lib/spawn/local.ts';

/** The path of a fixture program. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** A program under test. */
export interface Program {
  readonly child: Child;
  readonly started: Promise<number>;
  readonly exit: Promise<Exit>;
  /** All of stdout, once it has been closed (and the program has exited). */
  readonly closed: Promise<string>;
  /** The first chunk of stdout. */
  readonly said: Promise<string>;
}

function deferred<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Starts a program: no stdin, stderr ignored, own session, unless said otherwise. */
export function run(
  argv: readonly [string, ...string[]],
  more: Partial<Command> = {},
  spawner: Spawner = localSpawner,
): Program {
  const started = deferred<number>();
  const exit = deferred<Exit>();
  const said = deferred<string>();
  const output = deferred<string>();
  const child = spawner.spawn(
    { argv, cwd: tmpdir(), env: undefined, stdin: 'ignore', stdout: 'pipe', stderr: 'ignore', session: true, ...more },
    (pid) => {
      started.resolve(pid!);
      if (child.stdout === undefined) output.resolve('');
      let text = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        text += String(chunk);
        said.resolve(text);
      });
      child.stdout?.on('close', () => output.resolve(text));
    },
    (told) => {
      exit.resolve(told);
      if (child.pid === undefined) output.resolve('');
    },
  );
  const closed = Promise.all([output.promise, exit.promise]).then(([text]) => text);
  return { child, started: started.promise, exit: exit.promise, closed, said: said.promise };
}

/** Whether a process lives; a zombie does not. */
export function lives(pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** For what no event tells: looks until it is so. Throws when it isn't for 20 seconds: nobody has to look at the result. */
export async function until(what: () => boolean): Promise<true> {
  if (await soon(what)) return true;
  throw new Error(`it did not come to this: ${String(what)}`);
}

async function soon(what: () => boolean): Promise<boolean> {
  for (const end = performance.now() + 20_000; performance.now() < end;) {
    if (what()) return true;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return what();
}

/** Whether they all are gone, at once or soon. */
export function gone(...pids: readonly number[]): Promise<boolean> {
  return soon(() => !pids.some(lives));
}

/**
 * The program that runs code as one who may not enter every folder and read every file. Root may, so it is a root that gave
 * those rights away. The code has `run` of this file.
 */
export function unprivileged(code: string): readonly [string, ...string[]] {
  const script = `import { run } from ${JSON.stringify(import.meta.url)};\n${code}`;
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const node = [process.execPath, '--import', loader, '--input-type=module', '-e', script] as const;
  const rights = '-dac_override,-dac_read_search';
  return process.getuid!() === 0 ? ['setpriv', `--bounding-set=${rights}`, `--inh-caps=${rights}`, ...node] : node;
}
