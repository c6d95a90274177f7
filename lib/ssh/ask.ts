// A short command whose answer is for us and not for the user: it is no run, so nobody's report shows it.
import type { Clock, Command, Exit, OutputPipe, Spawner } from '../kernel/index.ts';

/** What it has ended with, and what it said. */
export interface Answer {
  readonly exit: Exit;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface Asking {
  readonly answer: Promise<Answer>;
  /** Ends it; one on another machine isn't waited for, which may have gone away. */
  stop(): void;
}

/** Of each stream this much is kept. */
const KEPT = 65_536;
/** Whoever holds the streams open after its exit is waited for as long as this. */
const QUIET = 200; // ms

/** Runs a command without stdin, where the spawner runs them. `detach`: it goes on when we go away. */
export function ask(
  spawner: Spawner,
  clock: Clock,
  argv: readonly [string, ...string[]],
  options: Partial<Pick<Command, 'cwd' | 'detach'>> = {},
): Asking {
  const said = { stdout: '', stderr: '' };
  let open = 0;
  let exit: Exit | undefined;
  let give!: (answer: Answer) => void;
  let cancel: (() => void) | undefined;
  const answer = new Promise<Answer>((resolve) => (give = resolve));
  const end = (): void => {
    cancel?.();
    child.release();
    give({ exit: exit!, ...said });
  };
  const hear = (stream: 'stdout' | 'stderr', pipe: OutputPipe | undefined): void => {
    if (pipe === undefined) return;
    open++;
    pipe.on('data', (chunk) => (said[stream] = (said[stream] + String(chunk)).slice(-KEPT)));
    pipe.on('close', () => {
      if (--open === 0 && exit !== undefined) end();
    });
  };
  const child = spawner.spawn(
    { cwd: '', ...options, argv, env: undefined, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe', session: true },
    () => {
      hear('stdout', child.stdout);
      hear('stderr', child.stderr);
    },
    (given) => {
      exit = given;
      if (open === 0) end();
      else
        cancel = clock.after(QUIET, () => {
          child.stdout?.destroy();
          child.stderr?.destroy();
          end();
        });
    },
  );
  return {
    answer,
    stop() {
      if (exit !== undefined) return;
      child.signal('SIGKILL');
      if (child.pid !== undefined) return;
      exit = { type: 'exit', exitCode: undefined, signal: 'SIGKILL' };
      end();
    },
  };
}
