// Items for a run, and the end of them. What comes before it has begun waits; what its runner doesn't take is for the one
// run that it waits for.
import { RunError, toError } from '../error.ts';
import type { RunRecord } from '../run.ts';
import { END, QUEUED, RUNNING, SEND } from './operations.ts';
import { onlyChild } from './tree.ts';

/** Gives it an item. */
export function send(run: RunRecord, item: unknown): void {
  if (run.phase <= QUEUED) {
    (run.mail ??= []).push(SEND, item);
    return;
  }
  if (run.phase !== RUNNING) return;
  const running = run.running;
  if (running?.send === undefined) {
    const inner = onlyChild(run);
    if (inner !== undefined) send(inner, item);
    else run.fail(notTaken(run));
    return;
  }
  try {
    running.send(item);
  } catch (error) {
    run.fail(toError(error));
  }
}

function notTaken(run: RunRecord): RunError {
  const { id, spec, label } = run;
  const hint = `nothing can be sent to a ${spec.type}`;
  return new RunError({ reason: { type: 'closed' }, run: id, spec, label, hint });
}

/** Ends its input. */
export function sendEnd(run: RunRecord): void {
  if (run.phase <= QUEUED) (run.mail ??= []).push(END, undefined);
  else if (run.phase === RUNNING) {
    if (run.running?.end !== undefined) run.running.end();
    else {
      const inner = onlyChild(run);
      if (inner !== undefined) sendEnd(inner);
    }
  }
}

/** It has begun: gives it what has waited for that. */
export function sendMail(run: RunRecord): void {
  const mail = run.mail;
  run.mail = undefined;
  if (mail === undefined) return;
  for (let i = 0; i < mail.length; i += 2) {
    if (mail[i] === SEND) send(run, mail[i + 1]);
    else sendEnd(run);
  }
}
