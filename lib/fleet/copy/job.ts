// What put, scp and rsync are made of: an asynchronous function as a runner, which a kill makes end and clean up.
import {
  createRunner,
  isRunError,
  RunError,
  toError,
  type Context,
  type Reason,
  type Runner,
  type Spec,
} from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { ConnectionError } from '../../ssh/failure.ts';
import type { Host } from '../../ssh/host.ts';
import type { SshSettings } from '../../ssh/settings.ts';
import type { Transport } from '../../ssh/transport.ts';
import { hostSpawner } from '../../ssh/via.ts';

/** What such a function works with. */
export interface Job {
  readonly context: Context;
  /** Aborted when the run is killed. */
  readonly signal: AbortSignal;
  item(item: unknown): void;
  /** Throws once the run is killed, and waits while it is paused: to be asked for at each step. */
  go(): Promise<void>;
  /** Something may have been changed on a host. */
  sent: boolean;
}

/** A runner of the function. What it throws fails the run: a ConnectionError as `connection`, all else as it is. */
export function job<T, I = unknown>(
  { spec, label, dry }: { readonly spec: Spec; readonly label: string; readonly dry: () => T },
  body: (job: Job) => Promise<T>,
): Runner<T, I> {
  return createRunner<T, I>({
    spec,
    label,
    dry,
    leaf: true,
    slot: true,
    start(sink, context) {
      let killed: string | undefined;
      let cancel: (() => void) | undefined;
      let paused: Gate | undefined;
      const { signal } = context;
      const made: Job = {
        context,
        signal,
        sent: false,
        item: (item) => sink.item(item as I),
        async go() {
          while (paused !== undefined && !signal.aborted) await paused.opened;
          signal.throwIfAborted();
        },
      };
      const over = (): boolean => {
        cancel?.();
        if (killed !== undefined) sink.settle({ type: 'killed', by: killed });
        return killed !== undefined;
      };
      body(made).then(
        (value) => over() || sink.settle({ type: 'finished', value }),
        (error: unknown) => over() || sink.settle({ type: 'failed', error: told(error, made, label, spec) }),
      );
      return {
        pause: () => void (paused ??= gate()),
        play() {
          paused?.open();
          paused = undefined;
        },
        kill(by) {
          killed ??= by;
          paused?.open();
          if (cancel !== undefined) return;
          // Cleaning up needs the connection, which may be frozen.
          const { clock, grace } = (context as unknown as RunRecord).ambient;
          cancel = clock.after(grace, () => {
            sink.note(`${label} could not clean up within the grace`);
            sink.settle({ type: 'killed', by });
          });
        },
      };
    },
  });
}

interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

function gate(): Gate {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

function told(error: unknown, { sent, context }: Job, label: string, spec: Spec): Error {
  if (error instanceof CopyError) {
    const { reason, hint, cause, stderr } = error;
    return new RunError({ reason, run: context.id, label, spec, hint, cause, tails: { stderr } });
  }
  if (!(error instanceof ConnectionError) || isRunError(error)) return toError(error);
  return new RunError({ reason: error.reason(sent ? 'maybe' : 'no'), run: context.id, label, spec, cause: error });
}

/** A step that failed; the run that it fails gives it its name. */
export class CopyError extends Error {
  readonly reason: Reason;
  /** What is wrong, less where. */
  readonly what: string;
  readonly hint: string;
  readonly stderr: string;

  constructor(
    reason: Reason,
    what: string,
    { place, cause, stderr = '' }: { place?: string; cause?: unknown; stderr?: string } = {},
  ) {
    const hint = place === undefined ? what : `${place}: ${what}`;
    super(hint, { cause });
    this.reason = reason;
    this.what = what;
    this.hint = hint;
    this.stderr = stderr;
  }
}

/** Something is wrong with a file here. */
export function fileError(path: string, what: unknown): CopyError {
  if (typeof what === 'string') return new CopyError({ type: 'file', path }, what);
  return new CopyError({ type: 'file', path }, reasonOf(what as NodeJS.ErrnoException), { cause: what });
}

/** Something is wrong on a host: what a program there would have exited with 1 for. */
export function hostError(place: string, what: string, stderr = ''): CopyError {
  return new CopyError({ type: 'exit', exitCode: 1 }, what, { place, stderr });
}

/** `ENOENT: no such file or directory, open '…'` less the code and what was tried. */
function reasonOf({ message }: NodeJS.ErrnoException): string {
  return message.replace(/^[A-Z]+: /, '').replace(/, \w+(?: '.*)?$/s, '');
}

/** A connection of the loop's to a host. */
export interface Reached {
  readonly host: Host;
  readonly connection: Transport;
}

/** The connection to a host, which others of the loop share; nothing is connected yet. */
export function reach(host: Host, settings: SshSettings, context: Context): Reached {
  return { host, connection: hostSpawner(host, settings, context).connection };
}
