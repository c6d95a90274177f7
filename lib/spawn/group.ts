// The processes of one started program: itself, and with a session of its own all that it left behind in it.
//
// L6  Gone means that no member lives: the leader's exit alone is not enough, zombies don't count.
//
// A number is not given to a new process while a group or session goes by it. So after the leader's end has been reaped
// its number names the group, until a process has it again: then the group is gone, and is never signalled.
import { canSignal } from './libc.ts';
import { scan, type Proc } from './procs.ts';

/** Signals that end a program which does nothing about them. */
const ENDING: ReadonlySet<NodeJS.Signals> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGKILL']);

/** Whether a signal ends a program that does nothing about it, and so calls off one that hasn't begun. */
export function ends(signal: NodeJS.Signals): boolean {
  return ENDING.has(signal);
}

/** A started program's processes. */
export class Group {
  readonly pid: number;
  /** Own session; otherwise only the program itself is meant, whose group is Node's. */
  readonly session: boolean;
  /** What was seen before says nothing: its start, or its last signal. */
  #since = performance.now();
  #stopped = false;
  #exited = false;
  #gone = false;
  /** How it was told to end: some of it may have moved to a group of its own meanwhile. */
  #told: NodeJS.Signals | undefined;
  /** Other groups in the session when it was last signalled: `timeout` and shells with job control make them. */
  #others: number[] = [];

  constructor(pid: number, session: boolean) {
    this.pid = pid;
    this.session = session;
  }

  /** Whether the program itself has ended. */
  get exited(): boolean {
    return this.#exited;
  }

  /** To be told as soon as the program itself has been reaped. */
  leaderExited(): void {
    this.#exited = true;
    if (!this.session) this.#gone = true;
  }

  /** Signals all of it, also its other groups. A stopped process is continued, or it would never take an ending signal. */
  signal(signal: NodeJS.Signals): void {
    if (this.#isGone()) return;
    const procs = this.session ? (this.#procs() ?? []) : [];
    this.#others = otherGroups(procs, this.pid);
    for (const target of this.#targets()) send(target, signal);
    this.#since = performance.now();
    if (ENDING.has(signal)) this.#told = signal;
    if (signal === 'SIGSTOP') this.#stopped = true;
    else if (signal === 'SIGCONT') this.#stopped = false;
    else if (ENDING.has(signal) && signal !== 'SIGKILL') this.#continue(procs);
  }

  #continue(procs: readonly Proc[]): void {
    const stopped = this.#stopped || procs.some(({ state }) => state === 'T' || state === 't');
    if (stopped || !this.session) for (const target of this.#targets()) send(target, 'SIGCONT');
    this.#stopped = false;
  }

  #targets(): number[] {
    return this.session ? [-this.pid, ...this.#others.map((group) => -group)] : [this.pid];
  }

  /** Whether any of it lives; a zombie does not. Cheap unless something was left behind, or it was told to end. */
  alive(): boolean {
    if (!this.#exited) return true;
    // A system call that fails is expensive in Node, and mostly nothing was left behind: that is asked first.
    if (this.#gone) return false;
    this.#others = this.#others.filter((group) => exists(-group));
    if (this.#told === undefined && this.#others.length === 0 && !exists(-this.pid)) this.#gone = true;
    if (this.#isGone()) return false;
    this.pursue();
    const procs = this.#procs();
    return procs === undefined || procs.length > 0;
  }

  /** Whoever moved to a group of its own just as the last signal was sent gets it too: `timeout` does that at its start. */
  pursue(): void {
    if (this.#told === undefined || !this.session || this.#isGone()) return;
    for (const group of otherGroups(this.#procs() ?? [], this.pid)) {
      if (this.#others.includes(group)) continue;
      this.#others.push(group);
      send(-group, this.#told);
    }
  }

  /** Its live processes. */
  members(): readonly number[] {
    if (this.#isGone()) return [];
    const alone = this.#exited ? [] : [this.pid];
    return this.session ? (this.#procs()?.map(({ pid }) => pid) ?? alone) : alone;
  }

  #procs(): readonly Proc[] | undefined {
    const found = scan(this.#since);
    return found && (found.procs.get(this.pid) ?? []);
  }

  #isGone(): boolean {
    if (this.#exited && !this.#gone && exists(this.pid)) this.#gone = true; // its number has been given away
    return this.#gone;
  }
}

function otherGroups(procs: readonly Proc[], pid: number): number[] {
  return [...new Set(procs.map(({ group }) => group))].filter((group) => group !== pid);
}

function send(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch {
    // ESRCH: it ended meanwhile. EPERM: it runs as somebody else now, and nothing can be done from here.
  }
}

function exists(target: number): boolean {
  // Of Node, a call that fails is ten times as expensive as one that doesn't, and here most do.
  const known = canSignal(target);
  if (known !== undefined) return known;
  try {
    process.kill(target, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
