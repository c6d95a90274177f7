// Which steps of this process are at work on what: two of them never write the same at once, and none reads what another is still
// writing. Between processes the store's locks see to it.
import { sep } from 'node:path';
import { RunError } from '../../kernel/index.ts';
import type { RunRecord } from '../../kernel/run.ts';
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
  if (steps === undefined) writing.set(path, new Set([step]));
  else steps.add(step);
}

/** Throws where an input is an output of a step that is at work. */
export function check(step: Step, { name, path, glob }: Input): void {
  if (writing.size === 0) return;
  const named = glob === undefined ? writing.get(path) : undefined;
  if (named !== undefined) refuse(step, name, named);
  for (const [output, steps] of writing) {
    if (glob === undefined && (output.startsWith(path + sep) || path.startsWith(output + sep)))
      refuse(step, name, steps);
  }
}

/** The same for a file that a pattern names. */
export function checkFound(step: Step, name: string, path: string): void {
  const steps = writing.get(path);
  if (steps !== undefined) refuse(step, `${name} (${step.plan.nameOf(path)})`, steps);
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
    if (steps?.size === 0) writing.delete(path);
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
