import { follow } from '../kernel/running.ts';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Advice, type Json, type Outcome, type Runner, type Spec } from '../kernel/index.ts';
import { saysFirst } from '../kernel/error.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { fileNameOf, makeFolders } from '../store/folders.ts';
import { LineFile } from './lineFile.ts';
import { duration, wouldDo } from './words.ts';
import { wrapped } from './wrap.ts';

/** How `transcript` writes. */
export interface TranscriptOptions {
  /** Lines go to files of their streams, as they are: NAME.stdout, NAME.stderr. NAME.log has the rest. Default false. */
  readonly separate?: boolean;
}

/**
 * Each run's lines to a file of its own in this folder, which is made with the first: what runs and since when, the lines in order,
 * marked by their stream (`stdout| …`), notes, and how it ended. Named after the run's id and label; a file that is there already is
 * never overwritten, the new one gets a number. Secrets are masked.
 *
 * Lines are written as they come, and waited for: what a killed Node has said is there, a slow disk slows down the runs. A folder or
 * file that can't be written costs no run its work: a note tells it, once a run, and the rest isn't kept. A dry run writes nothing.
 */
export function transcript(folder: string | URL, options: TranscriptOptions = {}): Advice {
  if (!(folder instanceof URL) && (typeof folder !== 'string' || folder === ''))
    throw new TypeError(`transcript: expected the path of a folder, got ${show(folder)}`);
  checkOptions('transcript', options, ['separate']);
  const { separate = false } = options;
  if (typeof separate !== 'boolean')
    throw new TypeError(`transcript: separate is true or false, not ${show(separate)}`);
  const place = new Place(folder instanceof URL ? fileURLToPath(folder) : resolve(folder));
  return <T, I>(inner: Runner<T, I>): Runner<T, I> =>
    wrapped(inner, { type: 'transcript', folder: String(folder) }, (sink, context) => {
      const run = context as unknown as RunRecord;
      if (run.ambient.dryRun) {
        const child = context.start(inner, sink as never);
        return follow(child);
      }
      const script = new Script(place, run, separate);
      script.begin(run.scope.masker.value(inner.spec));
      const since = context.clock.now();
      const child = context.start(inner, {
        lines: (stream, lines) => script.lines(stream, lines),
        note: (text) => script.lines('note', text.split('\n')),
        settle(outcome) {
          script.end(outcome, context.clock.now() - since);
          sink.settle(outcome);
        },
      });
      return follow(child);
    });
}

/** The folder, and the names in it. */
class Place {
  readonly #folder: string;
  /** How often those names that were there already have been given. */
  readonly #taken = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A new file and its path without the extension. */
  open(name: string): { readonly file: LineFile; readonly path: string } {
    makeFolders(this.#folder);
    for (let number = this.#taken.get(name) ?? 1; ; number++) {
      const path = join(this.#folder, number === 1 ? name : `${name}-${number}`);
      try {
        const file = new LineFile(`${path}.log`, 'wx');
        if (number > 1) this.#taken.set(name, number + 1);
        return { file, path };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        this.#taken.set(name, number + 1);
      }
    }
  }
}

/** The transcript of a run. */
class Script {
  readonly #place: Place;
  readonly #run: RunRecord;
  readonly #separate: boolean;
  readonly #files = new Map<string, LineFile>();
  #path = '';
  /** It could not be written. */
  #broken = false;

  constructor(place: Place, run: RunRecord, separate: boolean) {
    this.#place = place;
    this.#run = run;
    this.#separate = separate;
  }

  begin(spec: Spec): void {
    const { id, label } = this.#run;
    this.#try(() => {
      const { file, path } = this.#place.open(nameOf(this.#run.mask(id), label));
      this.#path = path;
      this.#files.set('', file);
      file.line(`# ${oneLine(this.#run.mask(id))}: ${oneLine(label)}`);
      file.line(`# ${oneLine(wouldDo(withoutEnv(spec)))}`);
      file.line(`# started ${toldTime(this.#run.now())}`);
      file.flush();
    });
  }

  lines(stream: string, lines: readonly string[]): void {
    this.#try(() => {
      const own = this.#separate && stream !== 'note';
      const file = own ? this.#fileOf(stream) : this.#files.get('')!;
      const mark = own ? '' : `${stream}| `;
      for (const line of lines) file.line(`${mark}${this.#run.mask(line)}`);
      file.flush();
    });
  }

  end(outcome: Outcome<unknown>, ms: number): void {
    this.#try(() => this.#files.get('')!.line(`# ${this.#run.mask(told(outcome))} ${duration(ms)}`));
    this.#close();
  }

  #fileOf(stream: string): LineFile {
    let file = this.#files.get(stream);
    if (file === undefined) {
      file = new LineFile(`${this.#path}.${safe(stream).slice(0, 40)}`);
      this.#files.set(stream, file);
    }
    return file;
  }

  #try(write: () => void): void {
    if (this.#broken) return;
    try {
      write();
    } catch (error) {
      this.#broken = true;
      const { message } = error as Error;
      this.#run.note(this.#run.mask(`transcript: ${message}; the rest is not kept`), { transcript: 'lost' });
      this.#close();
    }
  }

  #close(): void {
    for (const file of this.#files.values()) {
      try {
        file.flush();
      } catch (error) {
        this.#try(() => {
          throw error;
        });
      }
    }
    this.#files.clear();
  }
}

const NAME = 120;

/** What the file of a run is called: words of ids and labels may be anything, also '../x'. */
function nameOf(id: string, label: string): string {
  return fileNameOf(safe(`${id}-${label}`).slice(0, NAME));
}

function safe(text: string): string {
  return text.replace(/[^\w.@+=-]+/g, '_').replace(/\.{2,}/g, '_');
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}

/** Environments are often secret as a whole. */
function withoutEnv(spec: Spec): Spec {
  const text = JSON.stringify(spec, (name, value: Json) => (name === 'env' || name === 'exactEnv' ? undefined : value));
  return JSON.parse(text) as Spec;
}

function toldTime(at: number): string {
  return new Date(at).toISOString();
}

function told(outcome: Outcome<unknown>): string {
  if (outcome.type === 'finished') return 'finished in';
  if (outcome.type === 'killed') return `killed by ${oneLine(outcome.by)} after`;
  return `failed (${saysFirst(outcome.error)}) after`;
}
