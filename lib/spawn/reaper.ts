// The reaper: a process of `sh` that outlives Node for a moment, however Node dies, and ends what Node leaves behind.
//
// L6  No child outlives its loop, not even by `kill -9` of Node: what is on the list when Node's end of a pipe is closed
//     gets SIGTERM, and a second later SIGKILL.
//
// The list is a file without a name, which the reaper reads only then: telling it of a start or an end is one write of Node
// and wakes nobody. It is told of a start before; until it is told of the process too, that is known by a variable of its
// environment.
import { openSync, unlinkSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Starter, Variable } from './start.ts';

/** The variable that names a start. */
const MARK = 'SLUICE_START';

/** When so many in a row have ended sooner than that, it can't run here. */
const DEATHS = 3;
const LIVED = 1000; // ms
let deaths = 0;

/** Bytes of an entry, newline included. */
const ENTRY = 32;

/**
 * stdin is the pipe from Node, stdout the list: lines `s NUMBER` for a start, `g|p PID` for its process, `g` when that has a
 * session; `-` for what has ended, `q` when Node came to its end by itself. $1 names this Node's starts.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM
read -r _
starts= sessions=' ' alone=' '
while read -r kind number; do
  case $kind in
    s) starts="$starts -e ${MARK}=$1.$number." ;;
    g) sessions="$sessions$number " ;;
    p) alone="$alone$number " ;;
    q) exit ;;
  esac
done <&1
unlisted() {
  [ "$starts" ] || return
  for file in $(grep -lsF $starts /proc/[0-9]*/environ); do
    file=\${file#/proc/}
    alone="$alone\${file%/environ} "
  done
}
each() {
  found=
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    pid=\${line%% *}
    set -- \${line##*)}
    [ "$1" = Z ] && continue
    case $sessions in
      *" $4 "*) ;;
      *) case $alone in *" $pid "*) ;; *) continue ;; esac ;;
    esac
    found=1
    kill -s "$signal" "$pid"
    [ $signal = KILL ] || kill -s CONT "$pid"
  done
  [ "$found" ]
}
groups() {
  for pid in $sessions; do kill -s $1 -- "-$pid"; done
  for pid in $alone; do kill -s $1 "$pid"; done
}
if [ -r /proc/self/stat ]; then
  unlisted
  signal=TERM
  each || exit
  sleep 1
  unlisted
  signal=KILL
  while each; do sleep 1; done
else
  groups TERM
  groups CONT
  sleep 1
  groups KILL
fi
`;

/** Of this Node alone: another may have had its pid. */
const id = `${process.pid}-${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;

/** The list, once it was opened; null where there is no place for one. */
let list: number | null | undefined;
/** A reaper runs, or is being started. */
let watched = false;
/** How many starts there were. */
let starts = 0;
/** Entries whose program has ended. */
const free: number[] = [];
let entries = 0;

/** Makes sure that a reaper runs, before a program is started in the same way. */
export function watch(starter: Starter): void {
  if (watched || list === null) return;
  list ??= newList();
  if (list === null) return;
  watched = true;
  // Of another Node's, whose child this one is.
  delete process.env[MARK];
  const since = performance.now();
  const lost = (): void => {
    watched = false;
    // Somebody has ended it; what it watched over lives on.
    if (performance.now() - since > LIVED) deaths = 0;
    if (++deaths <= DEATHS && entries > free.length) watch(starter);
  };
  starter.start(
    {
      argv: ['/bin/sh', '-c', SCRIPT, 'sluice-reaper', id],
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
      stdin: 'pipe',
      stdout: 'ignore',
      stderr: 'ignore',
      session: true,
    },
    ['pipe', list, 'ignore'],
    {
      weak: true,
      begun({ stdin }) {
        stdin!.on('error', () => {});
        (stdin as Socket).unref();
      },
      failed: lost,
      exited: lost,
    },
    {},
  );
}

/** A program on the list. */
export interface Entry {
  readonly at: number;
  /** The variable by which its process is known until `began`. */
  readonly mark: Variable;
}

/** Puts a start on the list that is about to be tried. */
export function announce(): Entry {
  const at = free.pop() ?? entries++;
  const number = ++starts;
  write(at, `s ${number}`);
  return { at, mark: { name: MARK, value: `${id}.${number}.` } };
}

/** It has its process. */
export function began({ at }: Entry, pid: number, session: boolean): void {
  write(at, `${session ? 'g' : 'p'} ${pid}`);
}

/** Takes one off the list that has ended, or did not begin. */
export function remove({ at }: Entry): void {
  free.push(at);
  write(at, '-');
}

/** Node comes to its end by itself, and has ended its children. */
export function dismiss(): void {
  if (typeof list === 'number') write(0, 'q');
}

const line = Buffer.alloc(ENTRY);

function write(entry: number, text: string): void {
  if (typeof list !== 'number') return;
  line.fill(' ');
  line.write(text, 'latin1');
  line[ENTRY - 1] = 10;
  try {
    writeSync(list, line, 0, ENTRY, entry * ENTRY);
  } catch {
    // A full disk, or somebody closed it: there is no list then.
    list = null;
  }
}

function newList(): number | null {
  for (const folder of [tmpdir(), '/dev/shm']) {
    const path = join(folder, `sluice-${id}`);
    try {
      const fd = openSync(path, 'wx+', 0o600);
      unlinkSync(path);
      return fd;
    } catch {
      // The next folder.
    }
  }
  return null;
}
