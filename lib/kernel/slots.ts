// Slots: how many programs run at once. Leaves only, so nesting can't deadlock; first come, first served.
//
// A run that its task doesn't wait for just now (spawned, or read by `for await` while the body waits elsewhere) lends its
// slot to that task's subtree, so that holding never waits: with one slot, a spawned server and then its client run.
// Starts also wait while the machine is short of descriptors (`Spawner.room`).
import { enqueue } from './engine.ts';
import { Fifo } from './fifo.ts';
import type { SlotPool } from './runner.ts';
import { lends, lendsTo } from './run/lend.ts';
import type { RunRecord } from './run.ts';

/** A limit within a limit: a run takes a slot of each. */
export function slotPool(limit: number | undefined, parent?: SlotPool): SlotPool | undefined {
  if (limit === undefined) return parent;
  if (typeof limit !== 'number' || !(limit >= 1) || !(Number.isInteger(limit) || limit === Infinity))
    throw new RangeError(`slots: ${String(limit)} is no number of programs; give a whole number of 1 or more`);
  return { limit, parent, used: 0 };
}

/** A slot taken. Its holder may have lent it on, or have borrowed it. */
export interface Slot {
  /** The innermost limit that the holder is under. */
  readonly pool: SlotPool | undefined;
  /** The limits it counts for; a borrowed one counts only for those that its lender is not under. */
  counted: readonly SlotPool[];
  readonly holder: RunRecord;
  borrowedFrom: Slot | undefined;
  lentTo: Slot | undefined;
}

/** One line a pool: those in it want the same, so only its head needs a look. Runs that left are skipped. */
const lines = new Map<SlotPool | undefined, Fifo<RunRecord>>();
/** Slots whose holder may have to lend. */
const lenders = new Set<Slot>();
let watching = false;

/** Takes a slot for a run that wants to start, or puts it in the line: `granted` of the run is called later. */
export function take(run: RunRecord): boolean {
  const pool = run.ambient.slots;
  let line = lines.get(pool);
  if (line === undefined && grant(run)) return true;
  if (lenders.size > 0 && borrow(run, willing())) return true;
  if (line === undefined) lines.set(pool, (line = new Fifo()));
  line.push(run);
  watchRoom(run);
  return false;
}

function grant(run: RunRecord): boolean {
  const pool = run.ambient.slots;
  const counted = free(pool);
  if (counted === undefined || run.spawner.room() < 1) return false;
  hold(run, { pool, counted, holder: run, borrowedFrom: undefined, lentTo: undefined });
  return true;
}

const NONE: readonly SlotPool[] = [];

/** The limits over a pool that a slot would count for, less those that `lender` is under; undefined when one is reached. */
function free(pool: SlotPool | undefined, lender?: SlotPool): readonly SlotPool[] | undefined {
  if (pool === undefined) return NONE;
  const found: SlotPool[] = [];
  for (let p: SlotPool | undefined = pool; p !== undefined; p = p.parent) {
    if (isUnder(lender, p)) continue;
    if (p.used >= p.limit) return undefined;
    found.push(p);
  }
  return found;
}

function isUnder(pool: SlotPool | undefined, limit: SlotPool): boolean {
  for (let p = pool; p !== undefined; p = p.parent) if (p === limit) return true;
  return false;
}

function willing(): Slot[] {
  return [...lenders].filter(({ lentTo, holder }) => lentTo === undefined && lends(holder));
}

/** What is borrowed can be borrowed on: a success joins those to borrow from. */
function borrow(run: RunRecord, from: Slot[]): boolean {
  for (const lender of from) {
    if (lender.lentTo !== undefined || !lendsTo(lender.holder, run)) continue;
    const pool = run.ambient.slots;
    const counted = free(pool, lender.pool);
    if (counted === undefined || run.spawner.room() < 1) continue;
    lender.lentTo = { pool, counted, holder: run, borrowedFrom: lender, lentTo: undefined };
    hold(run, lender.lentTo);
    if (run.loose) from.push(lender.lentTo);
    return true;
  }
  return false;
}

function hold(run: RunRecord, slot: Slot): void {
  for (const pool of slot.counted) pool.used++;
  run.slot = slot;
  if (run.loose) lenders.add(slot);
}

/** Gives back the slot of a run that has ended. */
export function release(run: RunRecord): void {
  const slot = run.slot;
  if (slot === undefined) return;
  run.slot = undefined;
  lenders.delete(slot);
  const { borrowedFrom, lentTo, counted } = slot;
  if (borrowedFrom !== undefined) borrowedFrom.lentTo = lentTo;
  let freed = counted;
  if (lentTo !== undefined) {
    // Whoever borrowed it has it as it was had here: for its own, or from the one before.
    lentTo.borrowedFrom = borrowedFrom;
    lentTo.counted = [...lentTo.counted, ...counted.filter((pool) => isUnder(lentTo.pool, pool))];
    freed = counted.filter((pool) => !isUnder(lentTo.pool, pool));
  }
  for (const pool of freed) pool.used--;
  pump();
}

let pumping = false;

/** Looks, in the course of the turn, who can start now: a slot is free, or a task stopped waiting for one who has one. */
export function pump(): void {
  if (pumping || lines.size === 0) return;
  pumping = true;
  enqueue({ handle: serve }, 0);
}

/** The reader of a run waits for it now, or no more. */
export function readerWaits(run: RunRecord, waits: boolean): void {
  if (run.reading === waits) return;
  run.reading = waits;
  if (!waits) pump();
}

/** A task now waits for another of its runs, so slots that it holds elsewhere can be lent. */
export function taskWaits(task: RunRecord): void {
  const first = task.firstChild;
  if (task.loose || (first !== undefined && first.nextSibling !== undefined)) pump();
}

/** Starts those at the heads of their lines that can. */
function serve(): void {
  pumping = false;
  const started: RunRecord[] = [];
  const start = (run: RunRecord): void => {
    run.queued = false;
    started.push(run);
  };
  for (const [pool, line] of lines) {
    for (let run = line.first; run !== undefined; run = line.first) {
      if (run.queued) {
        if (!grant(run)) break;
        start(run);
      }
      line.shift();
    }
    const from = line.length > 0 ? willing() : [];
    if (from.length > 0) for (const run of line) if (run.queued && borrow(run, from)) start(run);
    while (line.first?.queued === false) line.shift();
    if (line.first === undefined) lines.delete(pool);
    else watchRoom(line.first);
  }
  for (const run of started) run.granted();
}

/** While a line waits for descriptors only time can tell: others than our programs hold them too. */
function watchRoom(run: RunRecord): void {
  if (watching || run.spawner.room() >= 1) return;
  watching = true;
  setTimeout(() => {
    watching = false;
    pump();
  }, 50);
}
