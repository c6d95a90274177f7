// What stands in front of the lines of a run: its label, made to fit and to be told from others.
import type { RunId } from '../kernel/index.ts';
import { plain } from './clean.ts';
import { colorOf, DIM, paint } from './color.ts';
import { clipMiddle, displayWidth } from '../advice/width.ts';

/** The beginnings of a run's lines. */
export interface Tags {
  readonly out: string;
  readonly err: string;
  /** Of what the report itself says; its '*' tells it from the run's own lines where there are no colours. */
  readonly own: string;
}

/** A run that speaks. */
export interface Named {
  readonly label: string;
  /** Its label as it is shown, from its first line on, and the columns of that. */
  shown: string | undefined;
  width: number;
  /** The column that its tags end at, as long as no wider label has come. */
  column: number;
  tags: Tags | undefined;
}

/** How many with the same label are looked at; among more there is surely another. */
const FEW = 16;

/** Gives tags to runs. The column of the separator grows with the labels, up to a limit. */
export class Labels {
  readonly #limit: number;
  readonly #outColor: boolean;
  readonly #errColor: boolean;
  /** Who has spoken under a label and is alive. */
  readonly #speakers = new Map<string, Set<RunId>>();
  #column = 0;

  constructor(limit: number, outColor: boolean, errColor: boolean) {
    this.#limit = limit;
    this.#outColor = outColor;
    this.#errColor = errColor;
  }

  /** The tags of a run. */
  tags(id: RunId, run: Named): Tags {
    if (run.tags !== undefined && run.column === this.#column) return run.tags;
    if (run.shown === undefined) this.#introduce(id, run);
    run.column = this.#column;
    const text = run.shown!;
    const space = ' '.repeat(Math.max(0, this.#column - run.width));
    const color = colorOf(run.label);
    const tag = (colored: boolean, separator: string): string =>
      colored ? `${paint(color, text)}${space} ${paint(DIM, separator)} ` : `${text}${space} ${separator} `;
    run.tags = { out: tag(this.#outColor, '|'), err: tag(this.#errColor, '|'), own: tag(this.#errColor, '*') };
    return run.tags;
  }

  /** A run has ended: its name is free. */
  forget(id: RunId, run: Named): void {
    const speakers = this.#speakers.get(run.label);
    if (speakers?.delete(id) === true && speakers.size === 0) this.#speakers.delete(run.label);
  }

  #introduce(id: RunId, run: Named): void {
    const name = plain(run.label);
    let speakers = this.#speakers.get(run.label);
    if (speakers === undefined) this.#speakers.set(run.label, (speakers = new Set()));
    const room = Math.max(8, this.#limit - id.length - 1);
    run.shown = ambiguous(id, speakers) ? `${clipMiddle(name, room)} ${id}` : clipMiddle(name, this.#limit);
    speakers.add(id);
    run.width = displayWidth(run.shown);
    this.#column = Math.max(this.#column, Math.min(run.width, this.#limit));
  }
}

/** Whether another speaks under the same label. Not a run's own ancestors: `retry` around a program is called as that is. */
function ambiguous(id: RunId, speakers: ReadonlySet<RunId>): boolean {
  if (speakers.size > FEW) return true;
  for (const other of speakers) if (!id.startsWith(`${other}.`) && !other.startsWith(`${id}.`)) return true;
  return false;
}
