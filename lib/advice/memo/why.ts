// Why a step ran the last time, and whether it would now, as far as that can be told without its script.
import { isAbsolute, join } from 'node:path';
import { sha256 } from '../../store/digest.ts';
import { MISSING } from '../../store/files.ts';
import type { Paced } from '../../store/paced.ts';
import type { Store, Warn } from '../../store/store.ts';
import { fileChange } from './diff.ts';
import type { Step } from './entry.ts';
import { stepAt } from './remember.ts';
import { variableText } from './surroundings.ts';

/** What is told of a step. */
export interface Why {
  readonly label: string;
  readonly outputs: readonly string[];
  /** When it last ran, in milliseconds since the epoch. */
  readonly at: number;
  /** Why it ran then; empty: for the first time. */
  readonly why: readonly string[];
  /** What is not as it was then. */
  readonly now: readonly string[];
  /** What can't be looked at from here: patterns. */
  readonly unseen: readonly string[];
}

/** What is known of all steps of a store, the latest first. `project`: the folder that names of files begin at. */
export function* whys(store: Store, project: string, warn: Warn): Paced<readonly Why[]> {
  const all: Why[] = [];
  for (const name of store.names('steps')) {
    const step = stepAt(store, name, warn);
    if (step !== undefined) all.push(yield* whyOf(step, store, project));
  }
  all.sort((a, b) => b.at - a.at);
  // Without outputs each key is a step of its own; the latest of a label is what is meant.
  const seen = new Set<string>();
  return all.filter(({ label, outputs }) => {
    const shown = outputs.length > 0 || !seen.has(label);
    if (outputs.length === 0) seen.add(label);
    return shown;
  });
}

function* whyOf(step: Step, store: Store, project: string): Paced<Why> {
  const now: string[] = [];
  const unseen: string[] = [];
  const look = function* (what: string, name: string, digest: string, follow: boolean): Paced<void> {
    const path = isAbsolute(name) ? name : join(project, name);
    try {
      const seen = yield* store.files.digest(path, { follow, skip: store.folder });
      if (seen !== digest) now.push(fileChange(what, digest, seen));
    } catch (error) {
      now.push(`${what} can't be read: ${(error as Error).message}`);
    }
  };
  for (const [name, digest] of [...step.parts, ...step.found]) {
    const [, kind, rest = ''] = /^(\$|input |code |glob )(.*)$/s.exec(name) ?? [];
    if (kind === 'glob ') unseen.push(name);
    else if (kind === '$') {
      if (sha256(variableText(process.env[rest])) !== digest) now.push(`${name} is another one here`);
    } else if (kind !== undefined && isOfFile(digest)) yield* look(name, rest, digest, true);
  }
  const outputs = outputsOf(step);
  for (const output of outputs) yield* look(`output ${output}`, output, step.left[output]?.[0] ?? MISSING, false);
  if (step.entries.length === 0 && now.length === 0) now.push('its last run left no entry');
  return { label: step.label, outputs, at: step.at, why: step.why, now, unseen };
}

/** What its last run made. Where that left no entry, all that it ever made: more isn't known. */
function outputsOf({ entries: [entry], at, left }: Step): readonly string[] {
  return entry?.at === at ? entry.outputs.map(([name]) => name) : Object.keys(left);
}

/** Whether a digest is one of a file or a folder, and not that of a value. */
function isOfFile(digest: string): boolean {
  return digest === MISSING || /^[fxld][0-9a-f]{64}$/.test(digest);
}
