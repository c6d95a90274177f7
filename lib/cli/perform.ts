// Runs a loop for the command line: its report, Ctrl-C, the end of its output, the exit code.
import {
  isRunError,
  json,
  prefix,
  quiet,
  runCommandGens,
  type Event,
  type Loop,
  type LoopOptions,
  type Outcome,
  type ReportOptions,
  type RunId,
  type Source,
} from '../index.ts';
import { onHostSignal } from '../kernel/host.ts';
import type { RunRecord } from '../kernel/run.ts';
import { DIM, paint, RED, wantsColor } from '../report/color.ts';
import { idsAround } from '../report/ids.ts';
import { exitCodeOf, failuresOf, PIPE_CLOSED } from './exit.ts';
import { whoIsAlive, whoIsStuck } from './hanging.ts';
import type { LoopArguments } from './options.ts';
import { summary } from './summary.ts';
import { UsageError } from './usage.ts';

/** Runs what `give` gives to its end and sets the exit code. */
export async function perform(
  give: () => Source | Promise<Source>,
  options: LoopArguments,
  memos: Pick<LoopOptions, 'memo' | 'scope' | 'clean' | 'extensions'> = {},
): Promise<void> {
  let loop: Loop<unknown[]> | undefined;
  let gone: NodeJS.ErrnoException | undefined;
  const closed = (error: NodeJS.ErrnoException): void => {
    gone = error;
    loop?.kill('its output is closed');
  };
  const endings = new Endings();
  const forget = onHostSignal((signal, roots) => {
    // The terminal has just written ^C.
    const { isTTY, columns } = process.stderr;
    tell(`${isTTY === true && signal === 'SIGINT' ? '\n' : ''}${whoIsAlive(signal, roots, columns)}`, DIM);
  });
  // Else Node would exit with the code 13 and without a word.
  const stuck = (): void => {
    const runs = (loop?.list() ?? []) as unknown as readonly RunRecord[];
    tell(
      loop === undefined
        ? 'sluice: what the default function gives never comes\n'
        : whoIsStuck(runs, process.stderr.columns),
      RED,
    );
    process.exitCode = 1;
    loop?.kill('a dead end');
  };
  process.once('beforeExit', stuck);
  try {
    const source = await give();
    loop = runCommandGens(source, {
      report: reporter(options, { closed }),
      ...(options.report === 'prefix' ? { onEvent: (event: Event) => endings.see(event) } : {}),
      failFast: options['fail-fast'],
      dryRun: options['dry-run'],
      ...memos,
      ...(options.slots === undefined ? {} : { slots: options.slots }),
      ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    });
    if (gone !== undefined) loop.kill('its output is closed');
    await loop;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Without a reader nobody wants to know more.
    if (gone === undefined)
      tell(summary(error, options.report === 'quiet' ? generatorsOf(error) : endings.toldOf(error)), RED);
    process.exitCode = exitCodeOf(error);
  } finally {
    forget();
    process.off('beforeExit', stuck);
  }
  if (gone === undefined) return;
  process.exitCode = readerLeft(gone) ? PIPE_CLOSED : 1;
  if (!readerLeft(gone)) tell(`sluice: the output can not be written: ${gone.message}\n`, RED);
}

/** Whether nobody reads any more; a socket says so in its own way. */
function readerLeft(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.code === 'EPIPE' || error?.code === 'ECONNRESET';
}

/** Whether the last that was printed was why a program failed: saying so once more would be noise. */
class Endings {
  #last: Error | undefined;
  /** The live runs: whether each is a leaf, of which alone the report tells how it ended. */
  readonly #leaves = new Map<RunId, boolean>();

  see(event: Event): void {
    const { run } = event;
    if (event.type === 'start') {
      for (const id of idsAround(run)) {
        if (!this.#leaves.has(id)) continue;
        this.#leaves.set(id, false);
        break;
      }
      this.#leaves.set(run, true);
    } else if (event.type === 'settle') {
      const { outcome } = event;
      const leaf = this.#leaves.get(run) === true;
      this.#leaves.delete(run);
      if (outcome.type === 'killed') this.#last = undefined;
      else if (leaf && outcome.type === 'failed' && isRunError(outcome.error) && outcome.error.run === run)
        this.#last = outcome.error;
    } else if (event.type === 'line' || event.type === 'item' || event.type === 'note') this.#last = undefined;
  }

  toldOf(error: unknown): readonly unknown[] {
    return failuresOf(error).length === 1 ? [this.#last] : [];
  }
}

/** The failures of the loop's generators: `quiet` has told them. */
function generatorsOf(error: unknown): readonly unknown[] {
  const { outcomes = [] } = error as { outcomes?: readonly Outcome<unknown>[] };
  return outcomes.flatMap((outcome) => (outcome?.type === 'failed' ? failuresOf(outcome.error) : []));
}

function reporter(options: LoopArguments, places: ReportOptions): (event: Event) => void {
  switch (options.report) {
    case 'json':
      return json(places);
    case 'quiet':
      return quiet(places);
    case 'prefix':
      return prefix({ ...places, dryRun: options['dry-run'] });
  }
}

function tell(text: string, color: number): void {
  if (text === '') return;
  process.stderr.write(
    wantsColor(process.stderr) ? text.replace(/^.*sluice: .*$/m, (line) => paint(color, line)) : text,
  );
}
