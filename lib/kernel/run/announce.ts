// What takes effect in a run is announced to everybody above: the sinks of the runs, their readers, the listeners of the
// loops.
//
// L7  Every run that begins is announced, and then its end. Runs that a loop or a task stands for by itself are silent.
import { lineEvent, toEvent, type Entry } from '../entry.ts';
import { toError } from '../error.ts';
import { Feed } from '../feed.ts';
import { callbackError, returned } from '../late.ts';
import type { ChildSink } from '../runner.ts';
import type { RunRecord } from '../run.ts';
import type { Scope } from '../scope.ts';
import { SETTLED } from './operations.ts';
import { descendants } from './tree.ts';

/** The nearest run, from this one up, that hears what is announced. */
export function listenerAt(run: RunRecord): RunRecord | undefined {
  return hasEars(run) ? run : run.listening;
}

function hasEars(run: RunRecord): boolean {
  if (run.feed !== undefined) return true;
  const sink = run.sink;
  return sink !== undefined && (sink.lines ?? sink.item ?? sink.note ?? sink.partial) !== undefined;
}

/** What a run tells its readers; from now on it is kept. */
export function feedOf(run: RunRecord): Feed {
  if (run.feed === undefined) {
    if (!hasEars(run)) {
      const above = run.listening;
      for (const below of descendants(run)) if (below.listening === above) below.listening = run;
    }
    run.feed = new Feed(run);
    if (run.startedAt !== 0 && run.scope.silent !== run) run.feed.push({ type: 'start', run, at: run.startedAt });
    if (run.phase === SETTLED) run.feed.end();
  }
  return run.feed;
}

/**
 * Nobody reads it any more, so events skip it again: a `yield*` in an async generator reads one event only, and in ten thousand
 * of them within one another each event would be kept ten thousand times. Those of leaves are for readers that come later.
 */
export function dropFeed(run: RunRecord): void {
  if (run.feed === undefined || run.feed.iterators.size > 0 || run.runner.traits.leaf === true) return;
  run.feed = undefined;
  if (hasEars(run)) return;
  for (const below of descendants(run)) if (below.listening === run) below.listening = run.listening;
}

/** Tells everybody above. */
export function announce(entry: Entry): void {
  const source = entry.run;
  if (entry.type === 'lines' || entry.type === 'item') feedOf(source);
  for (let run: RunRecord | undefined = source; run !== undefined; run = run.listening) {
    run.feed?.push(entry);
    if (run.sink !== undefined) hear(run, run.sink, entry);
  }
  for (let scope: Scope | undefined = source.scope; scope !== undefined; scope = scope.outer) {
    for (const { name, only, listen } of scope.listeners) {
      if (only !== undefined && only !== entry.type) continue;
      try {
        if (entry.type !== 'lines') returned(source, listen(toEvent(entry), source), name);
        else for (const line of entry.lines) returned(source, listen(lineEvent(entry, line), source), name);
      } catch (error) {
        source.fail(callbackError(source, name, error));
      }
    }
  }
}

function hear(run: RunRecord, sink: ChildSink<any, any>, entry: Entry): void {
  try {
    if (entry.type === 'lines') sink.lines?.(entry.stream, entry.lines, entry.size);
    else if (entry.type === 'item') sink.item?.(entry.item);
    else if (entry.type === 'note') sink.note?.(entry.text, entry.data);
    else if (entry.type === 'partial') sink.partial?.(entry.stream, entry.text);
  } catch (error) {
    run.parent?.fail(toError(error));
  }
}
