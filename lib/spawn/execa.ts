// The spawner that stands on execa. execa resolves and starts; everything after that (lines, ends, kills, the end of the
// host) is ours, so of its promise nothing is awaited, and of its streams nothing is left to it.
import { subscribe } from 'node:diagnostics_channel';
import type { ChildProcess } from 'node:child_process';
import type { execa, Options, ResultPromise } from 'execa';
import type { Starter, Told } from './start.ts';

let run: typeof execa | undefined;
let loading: Promise<void> | undefined;
/** The last child process that Node made during a start. */
let born: ChildProcess | undefined;
let starting = false;

/** Loads execa with the first start: it takes longer than all of sluice. */
async function load(): Promise<void> {
  ({ execa: run } = await import('execa'));
  subscribe('child_process', (message) => {
    if (starting) born = (message as { process: ChildProcess }).process;
  });
}

/** Nothing of what execa does besides. `verbose` would be turned on by NODE_DEBUG, and read the streams. */
const OURS = {
  buffer: false,
  reject: false,
  cleanup: false,
  stripFinalNewline: false,
  extendEnv: false,
  verbose: 'none',
} as const;

/** Starts programs with execa: Linux and macOS. */
export const execaStarter: Starter = {
  ready: () => (run === undefined ? (loading ??= load().finally(() => (loading = undefined))) : undefined),

  start({ argv, cwd, env: given, session }, [stdin, stdout, stderr], told, { extra }) {
    const env = extra === undefined ? given : { ...(given ?? process.env), [extra.name]: extra.value };
    const options = { ...OURS, stdin, stdout, stderr, cwd, env, detached: session } as Options;
    let child: ResultPromise<Options>;
    starting = true;
    try {
      child = run!(argv[0], argv.slice(1), options);
    } catch (error) {
      // Out of descriptors Node gives its child no streams, over which execa stumbles; Node tells the reason on the
      // child, which execa has lost: unheard, that would end the process.
      if (born === undefined) told.failed(error as Error);
      else born.once('error', (reason) => told.failed(reason));
      return;
    } finally {
      starting = false;
      born = undefined;
    }
    if (child.pid === undefined) {
      failing(child).then(told.failed.bind(told), () => {});
      return;
    }
    child.catch(() => {}); // whatever it says, it comes from the events too
    child.on('error', () => {});
    if (told.weak === true) child.unref();
    child.once('exit', (exitCode, signal) => told.exited(exitCode ?? undefined, signal ?? undefined));
    begin(child, child.pid, told);
  },
};

/** Why it has not begun. What Node throws execa tells by its promise only; the rest is an event, and the promise may wait. */
function failing(child: ResultPromise<Options>): Promise<Error> {
  return new Promise((resolve) => {
    child.once('error', resolve);
    child.then(
      ({ cause, ...error }: { cause?: unknown }) => resolve((cause ?? error) as Error),
      (error: Error) => resolve(error),
    );
  });
}

/** Hands over the streams as nobody's but the reader's: Node would resume those in `stdio` when the program has ended. */
function begin({ stdin, stdout, stderr, stdio }: ResultPromise<Options>, pid: number, told: Told): void {
  (stdio as unknown[]).fill(null);
  told.begun({ pid, stdin: stdin ?? undefined, stdout: stdout ?? undefined, stderr: stderr ?? undefined });
}
