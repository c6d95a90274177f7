// Slots: how many programs run at once. Leaves only, so nesting can't deadlock; first come, first served.
//
// A run that its task doesn't wait for just now (spawned, or read by `for await` while the body waits elsewhere) lends its
// slot to that task's subtree, so that holding never waits: with one slot, a spawned server and then its client run.
// Starts also wait while the machine is short of descriptors (`Spawner.room`).
import { enqueue } from './engine.ts';
import type { SlotPool } from './runner.ts';
import type { RunRecord } from './run.ts';

/** A limit within a limit: a run takes a slot of each. */
export function slotPool(limit: number | undefined, parent?: SlotPool): SlotPool | undefined {
  if (limit === undefined) return parent;
  if (!(limit >= 1) || !(Number.isInteger(limit) || limit === Infinity))
    throw new RangeError(`slots: ${String(limit)} is no number of programs; give a whole number of 1 or more`);
  return { limit, parent, used: 0 };
}

/** A slot taken: of which pools. Its holder may have lent it on, or have borrowed it. */
export interface Slot {
  readonly pool: SlotPool | undefined;
  readonly holder: RunRecord;
  borrowedFrom: Slot | undefined;
  lentTo: Slot | undefined;
}

/** One line a pool: those in it want the same, so only its head needs a look. Runs that left are skipped. */
const lines = new Map<SlotPool | undefined, { runs: RunRecord[]; head: number }>();
/** Slots whose holder may have to lend. */
const lenders = new Set<Slot>();
let watching = false;

/** Takes a slot for a run that wants to start, or puts it in the line: `granted` of the run is called later. */
export function take(run: RunRecord): boolean {
  const pool = run.ambient.slots;
  const line = lines.get(pool);
  if (line === undefined && grant(run)) return true;
  if (lenders.size > 0 && borrow(run)) return true;
  if (line === undefined) lines.set(pool, { runs: [run], head: 0 });
  else line.runs.push(run);
  watchRoom(run);
  return false;
}

function grant(run: RunRecord): boolean {
  const pool = run.ambient.slots;
  for (let p = pool; p !== undefined; p = p.parent) if (p.used >= p.limit) return false;
  if (run.room() < 1) return false;
  for (let p = pool; p !== undefined; p = p.parent) p.used++;
  hold(run, { pool, holder: run, borrowedFrom: undefined, lentTo: undefined });
  return true;
}

function borrow(run: RunRecord): boolean {
  for (const lender of lenders) {
    if (lender.lentTo !== undefined || !lender.holder.lendsTo(run) || run.room() < 1) continue;
    lender.lentTo = { pool: lender.pool, holder: run, borrowedFrom: lender, lentTo: undefined };
    hold(run, lender.lentTo);
    return true;
  }
  return false;
}

function hold(run: RunRecord, slot: Slot): void {
  run.slot = slot;
  if (run.loose) lenders.add(slot);
}

/** Gives back the slot of a run that has ended. */
export function release(run: RunRecord): void {
  const slot = run.slot;
  if (slot === undefined) return;
  run.slot = undefined;
  lenders.delete(slot);
  const { borrowedFrom, lentTo } = slot;
  // Whoever borrowed it has it as it was had here: for its own, or from the one before.
  if (lentTo !== undefined) lentTo.borrowedFrom = borrowedFrom;
  if (borrowedFrom !== undefined) borrowedFrom.lentTo = lentTo;
  else if (lentTo === undefined) for (let p = slot.pool; p !== undefined; p = p.parent) p.used--;
  pump();
}

let pumping = false;

/** Looks, in the course of the turn, who can start now: a slot is free, or a task stopped waiting for one who has one. */
export function pump(): void {
  if (pumping || lines.size === 0) return;
  pumping = true;
  enqueue({ handle: serve }, 0);
}

/** Starts those at the heads of their lines that can. */
function serve(): void {
  pumping = false;
  const started: RunRecord[] = [];
  for (const [pool, line] of lines) {
    const { runs } = line;
    for (; line.head < runs.length; line.head++) {
      const run = runs[line.head]!;
      if (!run.queued) continue;
      if (!grant(run)) break;
      run.queued = false;
      started.push(run);
    }
    if (line.head === runs.length) lines.delete(pool);
    else {
      if (lenders.size > 0) {
        for (let i = line.head; i < runs.length; i++) {
          const run = runs[i]!;
          if (!run.queued || !borrow(run)) continue;
          run.queued = false;
          started.push(run);
        }
      }
      if (line.head > 1024) {
        line.runs = runs.slice(line.head);
        line.head = 0;
      }
      const head = line.runs.find((run) => run.queued);
      if (head !== undefined) watchRoom(head);
    }
  }
  for (const run of started) run.granted();
}

/** While a line waits for descriptors only time can tell: others than our programs hold them too. */
function watchRoom(run: RunRecord): void {
  if (watching || run.room() >= 1) return;
  watching = true;
  setTimeout(() => {
    watching = false;
    pump();
  }, 50);
}
