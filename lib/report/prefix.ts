import { inspect } from 'node:util';
import { isRunError, type Event, type Outcome, type RunId, type Spec } from '../kernel/index.ts';
import { endColors, forTerminal } from './clean.ts';
import { DIM, paint, RED, wantsColor } from './color.ts';
import { briefly, duration, wouldDo } from './explain.ts';
import { idsAround } from './ids.ts';
import { Labels, type Named } from './labels.ts';
import { Screen, type ReportOptions, type Sheet } from './screen.ts';

/** How lines are printed. */
export interface PrefixOptions extends ReportOptions {
  /** Default: on a terminal, unless NO_COLOR is set; FORCE_COLOR has the last word. */
  readonly color?: boolean | undefined;
  /** The widest label, in columns; longer ones lose their middle. Default: 30, on a terminal at most a third of it. */
  readonly width?: number | undefined;
  /** Says what each leaf would do: for a dry run. Default false. */
  readonly dryRun?: boolean | undefined;
}

/** A live run. */
interface Speaker extends Named {
  readonly spec: Spec;
  /** It has started no other. */
  leaf: boolean;
  spoke: boolean;
}

/**
 * A report that prints each line behind the label of its run: `runCommandGens(gens, { report: prefix() })`.
 *
 * Lines of stderr go to stderr, those of all other streams and items to stdout. What the report itself has to say goes to
 * stderr: why a leaf (a run that started no other) failed, which were killed, notes. Labels are aligned, and each has its
 * colour; of two live runs with the same label the later shows its id too. Only whole lines are printed.
 */
export function prefix(options: PrefixOptions = {}): (event: Event) => void {
  const screen = new Screen(options);
  const { out, err } = screen;
  const errColor = options.color ?? wantsColor(err);
  const labels = new Labels(options.width ?? widest(out, err), options.color ?? wantsColor(out), errColor);
  const cleanOut = out.isTTY === true ? forTerminal : endColors;
  const cleanErr = err.isTTY === true ? forTerminal : endColors;
  const live = new Map<RunId, Speaker>();
  /** Errors that were told at the leaf they come from; who waits for it fails with the same. */
  const told = new WeakSet<Error>();

  /** The live runs around one, from the inside outwards. */
  function* around(id: RunId): Generator<Speaker, undefined> {
    for (const outer of idsAround(id)) {
      const speaker = live.get(outer);
      if (speaker !== undefined) yield speaker;
    }
    return undefined;
  }

  /** What programs are started by, besides ssh: the host is in the label. */
  const startedBy = (id: RunId): string => {
    const ways: string[] = [];
    for (const { spec } of around(id)) {
      const { via } = (spec['change'] ?? {}) as { via?: Spec };
      const [way] = Object.entries(via ?? {});
      if (way !== undefined && way[0] !== 'ssh') ways.unshift(`${way[0]} ${String(way[1])}`);
    }
    return ways.length === 0 ? '' : ` (by ${ways.join(', ')})`;
  };

  /** A run; one that was there before this report is known by its id only. */
  const speakerOf = (id: RunId): Speaker => {
    let speaker = live.get(id);
    if (speaker === undefined) live.set(id, (speaker = newSpeaker(id, { type: 'unknown' })));
    return speaker;
  };

  const line = (id: RunId, stream: string, text: string): void => {
    const speaker = speakerOf(id);
    speaker.spoke = true;
    const tags = labels.tags(id, speaker);
    const place = stream === 'stderr' ? 'err' : 'out';
    const clean = place === 'err' ? cleanErr : cleanOut;
    // What was split at something else than newlines may have some.
    if (!text.includes('\n')) screen.write(place, `${tags[place]}${clean(text)}\n`);
    else for (const part of text.split('\n')) screen.write(place, `${tags[place]}${clean(part)}\n`);
  };

  /** What the report itself says of a run. */
  const say = (id: RunId, text: string, color: number): void => {
    const { own } = labels.tags(id, speakerOf(id));
    for (const part of text.split('\n')) {
      const clean = forTerminal(part);
      screen.write('err', `${own}${errColor ? paint(color, clean) : clean}\n`);
    }
  };

  const settle = (id: RunId, speaker: Speaker, outcome: Outcome<unknown>, ms: number): void => {
    if (options.dryRun === true && !INNER.has(speaker.spec.type))
      line(id, 'stdout', wouldDo(speaker.spec) + startedBy(id));
    if (outcome.type === 'failed') {
      if (told.has(outcome.error) || isRunError(outcome.error, 'killed')) return;
      told.add(outcome.error);
      say(id, `${briefly(outcome.error)} (${duration(ms)})`, RED);
    } else if (outcome.type === 'killed' && (speaker.spoke || speaker.spec.type === 'program')) {
      say(id, `killed: ${outcome.by} (${duration(ms)})`, DIM);
    }
  };

  return (event) => {
    const id = event.run;
    switch (event.type) {
      case 'start': {
        const parent = around(id).next().value;
        if (parent !== undefined) parent.leaf = false;
        live.set(id, newSpeaker(event.label, event.spec));
        break;
      }
      case 'line':
        if (event.partial !== true) line(id, event.stream, event.line);
        break;
      case 'item':
        line(id, 'stdout', typeof event.item === 'string' ? event.item : inspect(event.item, ONE_LINE));
        break;
      case 'note':
        say(id, event.text, DIM);
        break;
      case 'settle': {
        const speaker = live.get(id);
        if (speaker === undefined) break;
        if (speaker.leaf) settle(id, speaker, event.outcome, event.ms);
        live.delete(id);
        labels.forget(id, speaker);
        break;
      }
    }
  };
}

/** What composes others or tells something: a dry run starts it, so it is not what would be done. */
const INNER = new Set('task loop all race spawn join next within shield until note emit amend memo'.split(' '));

const ONE_LINE = { breakLength: Infinity, compact: true, depth: 4, maxArrayLength: 100, maxStringLength: 10_000 };

function newSpeaker(label: string, spec: Spec): Speaker {
  return { label, spec, leaf: true, spoke: false, shown: undefined, width: 0, column: -1, tags: undefined };
}

function widest(...sheets: Sheet[]): number {
  const columns = Math.min(...sheets.map(({ columns }) => columns || Infinity));
  return Math.max(8, Math.min(30, Math.floor(columns / 3)));
}
