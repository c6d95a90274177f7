// Which steps of this process are at work on what: two of them never write the same at once, and none reads what another is still
// writing. Between processes the store's locks see to it.
import { createRequire } from 'node:module';
import { isAbsolute, relative, sep } from 'node:path';
import type Picomatch from 'picomatch';
import { RunError } from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';
import { foldersOf } from '../../store/folders.ts';
import type { Glob } from './options.ts';
import type { Input, Output, Plan } from './plan.ts';

/** A step at work. */
export interface Step {
  readonly run: RunRecord;
  readonly plan: Plan;
  /** Digest of what it goes by that is no file: two with the same are the same step. */
  readonly identity: string;
}

/** By the paths of their outputs. */
const writing = new Map<string, Set<Step>>();

/** Folders that these paths are in, with how many of them. */
const above = new Map<string, number>();

/** Enters a step. Throws where it reads what another one is still making, or makes what another kind of step makes. */
export function enter(step: Step): void {
  for (const { path, name } of step.plan.outputs)
    for (const other of writing.get(path) ?? [])
      if (other.identity !== step.identity && !isAround(other.run, step.run))
        throw conflict(
          step,
          `${name} is an output of ${other.run.label} too, which is at work: yield one after the other`,
        );
  for (const input of step.plan.inputs) check(step, input);
  for (const output of step.plan.outputs) enterOutput(step, output);
}

/** It makes this too. */
export function enterOutput(step: Step, { path }: Output): void {
  const steps = writing.get(path);
  if (steps === undefined) {
    writing.set(path, new Set([step]));
    for (const folder of foldersOf(path)) above.set(folder, (above.get(folder) ?? 0) + 1);
  } else steps.add(step);
}

/** Throws where an input is an output of a step that is at work. */
export function check(step: Step, input: Input): void {
  if (writing.size === 0) return;
  const steps = writing.get(input.path);
  if (steps !== undefined && input.glob === undefined) refuse(step, input.name, steps);
  // Most inputs are files beside the outputs: only some have to be held against all that is being written.
  if (input.glob === undefined && !above.has(input.path) && !isBelow(input.path)) return;
  for (const [output, others] of writing) if (takesIn(input, output)) refuse(step, input.name, others);
}

/** Whether a path is in a folder that is being written. */
function isBelow(path: string): boolean {
  for (const folder of foldersOf(path)) if (writing.has(folder)) return true;
  return false;
}

/** Whether an input has a file in it, be that there already or not: it is in the folder, around it, or matches the pattern. */
function takesIn({ path, glob }: Input, output: string): boolean {
  if (glob === undefined) return output === path || output.startsWith(path + sep) || path.startsWith(output + sep);
  let matches = matchers.get(glob);
  if (matches === undefined) {
    const { patterns, ignore, dot } = glob;
    const isNegated = (one: string): boolean => /^!(?!\()/.test(one);
    const meant = matcher(
      patterns.filter((one) => !isNegated(one)),
      dot,
    );
    const left = matcher([...ignore, ...patterns.filter(isNegated).map((one) => one.slice(1))], true);
    matchers.set(glob, (matches = (name, whole) => meant(name, whole) && !left(name, whole)));
  }
  return matches(relative(path, output), output);
}

type Matcher = (name: string, path: string) => boolean;

const matchers = new WeakMap<Glob, Matcher>();

/** Patterns are of names relative to a folder, or absolute. */
function matcher(patterns: readonly string[], dot: boolean): Matcher {
  const picomatch = createRequire(import.meta.url)('picomatch') as typeof Picomatch;
  const within = picomatch(
    patterns.filter((one) => !isAbsolute(one)),
    { dot },
  );
  const whole = picomatch(patterns.filter(isAbsolute), { dot });
  return (name, path) => within(name) || whole(path);
}

/** In a dry run: what would be made anew, by the loop. */
const remade = new WeakMap<RunRecord, Set<string>>();

/** The run of the loop that all of it belongs to. */
export function rootOf(run: RunRecord): RunRecord {
  let root = run;
  while (root.parent !== undefined) root = root.parent;
  return root;
}

/** A step would run. */
export function wouldMake({ run, plan }: Step): void {
  const root = rootOf(run);
  const all = remade.get(root) ?? new Set();
  for (const { path } of plan.outputs) all.add(path);
  remade.set(root, all);
}

/** Inputs that would be made anew before. */
export function remadeInputs({ run, plan }: Step): string[] {
  const all = [...(remade.get(rootOf(run)) ?? [])];
  return plan.inputs
    .filter((input) => all.some((output) => takesIn(input, output)))
    .map(({ name }) => `${name} would be made anew`);
}

function refuse(step: Step, name: string, steps: Iterable<Step>): void {
  for (const other of steps)
    if (other !== step && !isAround(other.run, step.run) && !isAround(step.run, other.run))
      throw conflict(step, `its ${name} is an output of ${other.run.label}, which is still at work: yield it first`);
}

/** The error of two steps that get in each other's way. */
export function conflict({ run }: Step, hint: string): RunError {
  return new RunError({ reason: { type: 'stale' }, run: run.id, spec: run.spec, label: run.label, hint });
}

/** Takes it out. */
export function leave(step: Step): void {
  for (const { path } of step.plan.outputs) {
    const steps = writing.get(path);
    steps?.delete(step);
    if (steps?.size !== 0) continue;
    writing.delete(path);
    for (const folder of foldersOf(path)) {
      const count = above.get(folder)! - 1;
      if (count === 0) above.delete(folder);
      else above.set(folder, count);
    }
  }
}

/** Whether one run is around another. */
export function isAround(outer: RunRecord, inner: RunRecord): boolean {
  for (let run: RunRecord | undefined = inner; run !== undefined; run = run.parent) if (run === outer) return true;
  return false;
}

// --- one at a time ------------------------------------------------------------------------------------------------------------

interface Turn {
  holder: RunRecord;
  readonly line: { readonly run: RunRecord; readonly go: () => void }[];
}

/** By the path of the lock. */
const turns = new Map<string, Turn>();

/** Waits for its turn at a lock within this process; undefined where it has it at once. */
export function waitTurn(
  path: string,
  run: RunRecord,
): { readonly turn: Promise<unknown>; giveUp(): void } | undefined {
  const held = turns.get(path);
  if (held === undefined) {
    turns.set(path, { holder: run, line: [] });
    return undefined;
  }
  if (isAround(held.holder, run))
    throw new RunError({
      reason: { type: 'stale' },
      run: run.id,
      spec: run.spec,
      label: run.label,
      hint: `it is a part of ${held.holder.label}, which is the same step: it would wait for itself`,
    });
  let go!: () => void;
  const turn = new Promise<void>((resolve) => (go = resolve));
  const waiting = { run, go };
  held.line.push(waiting);
  return {
    turn,
    giveUp() {
      const index = held.line.indexOf(waiting);
      if (index >= 0) held.line.splice(index, 1);
      // It was given the turn already.
      else if (held.holder === run) nextTurn(path);
    },
  };
}

/** Lets go of a turn. */
export function nextTurn(path: string): void {
  const held = turns.get(path);
  const next = held?.line.shift();
  if (held === undefined || next === undefined) {
    turns.delete(path);
    return;
  }
  held.holder = next.run;
  next.go();
}
