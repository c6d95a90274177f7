// Items for a run, and the end of them. What comes before it has begun waits; what its runner doesn't take is for the one
// run that it waits for. An advice may be waiting itself (for a slot, the next try, a lock) before there is such a run.
import { RunError, toError } from '../error.ts';
import type { RunRecord } from '../run.ts';
import { END, QUEUED, RUNNING, SEND } from './operations.ts';
import { children, onlyChild } from './tree.ts';

/** Gives it an item. */
export function send(run: RunRecord, item: unknown): void {
  if (run.phase > RUNNING) return;
  const running = run.phase === RUNNING ? run.running : undefined;
  if (running?.send === undefined) pass(run, SEND, item);
  else
    try {
      running.send(item);
    } catch (error) {
      run.fail(toError(error));
    }
}

/** Ends its input. */
export function sendEnd(run: RunRecord): void {
  if (run.phase > RUNNING) return;
  const running = run.phase === RUNNING ? run.running : undefined;
  if (running?.end === undefined) pass(run, END, undefined);
  else running.end();
}

type Mail = typeof SEND | typeof END;

function pass(run: RunRecord, what: Mail, item: unknown): void {
  // An advice has no use for it but for what it goes around, which may not be there yet, or between two tries.
  const inner = run.core === undefined ? onlyChild(run) : ownChild(run);
  if (run.phase <= QUEUED || (run.core !== undefined && inner === undefined)) (run.mail ??= []).push(what, item);
  else if (inner !== undefined) deliver(inner, what, item);
  else if (what === SEND) run.fail(notTaken(run));
}

function deliver(run: RunRecord, what: Mail, item: unknown): void {
  if (what === SEND) send(run, item);
  else sendEnd(run);
}

/** What an advice goes around. */
function ownChild(run: RunRecord): RunRecord | undefined {
  for (const child of children(run)) if (goesAround(run, child)) return child;
  return undefined;
}

function goesAround(run: RunRecord, child: RunRecord): boolean {
  return run.core !== undefined && run.core === (child.core ?? child.runner);
}

function notTaken(run: RunRecord): RunError {
  const { id, spec, label } = run;
  const hint = `nothing can be sent to a ${spec.type}`;
  return new RunError({ reason: { type: 'closed' }, run: id, spec, label, hint });
}

/** It has begun: gives it what has waited for that, at the advice around it too. */
export function sendMail(run: RunRecord): void {
  const { parent } = run;
  // An advice that is just starting hands it out itself.
  if (parent?.mail !== undefined && !parent.starting && goesAround(parent, run)) {
    run.mail = [...parent.mail, ...(run.mail ?? [])];
    parent.mail = undefined;
  }
  const mail = run.mail;
  run.mail = undefined;
  if (mail === undefined) return;
  for (let i = 0; i < mail.length; i += 2) deliver(run, mail[i] as Mail, mail[i + 1]);
}
