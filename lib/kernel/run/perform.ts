// The queue's end: what each operation on a run does.
//
// L1  All that runners report and runs are told comes through here, inside a turn. Reports wait while the run is paused;
//     orders don't.
import type { Json, Outcome } from '../event.ts';
import type { Lines } from '../runner.ts';
import type { RunRecord } from '../run.ts';
import { begin } from './begin.ts';
import { kill } from './kill.ts';
import {
  ANSWER,
  BEGIN,
  CALL,
  CREATED,
  DRIVE,
  END,
  ENDING,
  FINALIZE,
  ITEM,
  KILL,
  LAST_REPORT,
  LINES,
  NOTE,
  PARTIAL,
  PAUSE,
  PLAY,
  SEND,
  SETTLE,
} from './operations.ts';
import { defer, setPaused } from './pause.ts';
import { deliver, deliverItem, note, partial } from './report.ts';
import { send, sendEnd } from './send.ts';
import { conclude, finalize, tellParent } from './settle.ts';

/** Does one operation. */
export function perform(run: RunRecord, operation: number, a: any, b: any, c: any): void {
  if (operation > LAST_REPORT) performOrder(run, operation, a);
  else if (run.paused && run.phase < ENDING) defer(run, operation, a, b, c);
  else performReport(run, operation, a, b, c);
}

function performReport(run: RunRecord, operation: number, a: any, b: any, c: any): void {
  if (operation !== DRIVE && operation !== ANSWER && operation !== BEGIN) run.pending--;
  switch (operation) {
    case DRIVE:
      run.task?.drive(a as number, b);
      break;
    case ANSWER:
      run.task?.answered(a as RunRecord);
      break;
    case BEGIN:
      if (run.phase === CREATED) {
        begin(run);
        if (run.settled) tellParent(run);
      }
      break;
    case LINES:
      deliver(run, a as string, b as Lines, c as number);
      break;
    case PARTIAL:
      partial(run, a as string, b as string);
      break;
    case ITEM:
      deliverItem(run, a);
      break;
    case NOTE:
      note(run, a as string, b as Json | undefined);
      break;
    case SETTLE:
      if (conclude(run, a as Outcome<unknown>)) tellParent(run);
      break;
  }
}

function performOrder(run: RunRecord, operation: number, a: any): void {
  switch (operation) {
    case KILL:
      kill(run, a as string);
      break;
    case PAUSE:
      setPaused(run, true);
      break;
    case PLAY:
      setPaused(run, false);
      break;
    case SEND:
      send(run, a);
      break;
    case END:
      sendEnd(run);
      break;
    case FINALIZE:
      finalize(run);
      break;
    case CALL:
      (a as () => void)();
      break;
  }
}
