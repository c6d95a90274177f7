// What stands beside a program that has its stdin for itself, with other rights than ours (sudo) or where our pids mean nothing (a
// container): a watcher that knows its session by pid and is known itself by a token in its argv. A kill is a second command
// by the same way in, which looks for the token; and who asked for the program is looked for each second.
//
// The watcher has a session of its own where there is setsid: what ends the program's leaves it, and it is not taken for
// something that the program left behind. `read` skips the NULs of a cmdline, in every sh.
import type { Command } from '../kernel/index.ts';
import { quote } from '../runners/quote.ts';
import { SESSION } from './remoteScript.ts';

/** `of PID` finds the parent `$q` and session `$s` of one. */
const OF =
  'of() { if [ -r /proc/self/stat ]; then read -r l </proc/$1/stat && set -- ${l##*)} && q=$2 s=$4; else s=$(ps -o sid= -p $1) || s=$1; fi; }';

/**
 * `$1` is TOKEN:PID:ASKER, the rest what is run when the asker has gone: nothing ends the session of the pid. Where the asker
 * can't be seen (another pid namespace, hidepid) it only stands there.
 */
const WATCH =
  `x=\${1#*:}; p=\${x%%:*} d=\${x#*:}; shift; ${OF}; ${SESSION}; of $p; v=; [ $d -gt 1 ] && lives 1 && v=1; ` +
  'while :; do if [ $v ] && ! lives $d; then [ $# -eq 0 ] || exec "$@"; lives $p && last TERM; exit; fi; lives $p || exit; sleep 1; done';

/** Starts the watcher `$w` of this process, known as `$k`, for the asker `$d`. */
const begin = (act = ''): string =>
  `x=$(command -v setsid); $x /bin/sh -c "$w" sh "$k:$$:$d"${act} </dev/null >/dev/null 2>&1 & `;

/** Who wants this program, `$d`: whoever made its session, else its parent. A shell between may take its time to end. */
const ASKER = `d=$PPID; { ${OF}; of $$ && [ $s != $$ ] && of $s && d=$q; } 2>/dev/null`;

/** Behind a token's two halves, the second first (or it would find itself), and the name of a signal. Exit code 3: it is not there. */
const KILL =
  `t=$2$1; find() { if [ -r /proc/self/stat ]; then for f in /proc/[0-9]*/cmdline; do l=; read -r l <$f; case $l in *$t:*) return 0 ;; esac; done; return 1; ` +
  'else l=$(ps -A -ww -o args=); case $l in *$t:*) ;; *) return 1 ;; esac; fi; }; ' +
  'n=0; until find; do [ $n -lt 20 ] || exit 3; n=$((n+1)); sleep 0.1 || sleep 1; done; ' +
  `x=\${l##*$t:}; p=\${x%%:*}; ${OF}; ${SESSION}; m=0; of $p || exit 0; ` +
  'case $3 in TERM|INT|HUP|QUIT|KILL) last $3 ;; *) all $3 ;; esac; exit 0';

/** The words that signal the program of a mark, less the signal's name, which comes last. `say`: a line for stderr first. */
export function killWords(mark: string, say?: string): [string, ...string[]] {
  const half = mark.length >> 1;
  return shell(`{ ${KILL}; } 2>/dev/null`, say, [mark.slice(half), mark.slice(0, half)]);
}

/** The words that start a program beside its watcher, less the asker's pid (0: none to be seen), and the program's. */
export function watchedWords(mark: string, say?: string): [string, ...string[]] {
  return shell(`w=$1 k=$2 d=$3; shift 3; ${begin()}exec "$@"`, say, [WATCH, mark]);
}

function shell(script: string, say: string | undefined, words: readonly string[]): [string, ...string[]] {
  const said = say === undefined ? [] : [say];
  return ['/bin/sh', '-c', `${say === undefined ? '' : 'echo "$1" >&2; shift; '}${script}`, 'sh', ...said, ...words];
}

/** Words that end where the asker's pid belongs, and what comes behind it. */
export function askedBy(words: readonly string[], rest: readonly string[]): [string, ...string[]] {
  return ['/bin/sh', '-c', `${ASKER}; exec ${words.map(quote).join(' ')} "$d" "$@"`, 'sh', ...rest];
}

/** A program beside one that runs other words once its asker has gone. */
export function actingFor(act: readonly string[], argv: readonly string[]): [string, ...string[]] {
  const script = `${ASKER}; w=$1 k=-; shift; ${begin(` ${act.map(quote).join(' ')}`)}exec "$@"`;
  return ['/bin/sh', '-c', script, 'sh', WATCH, ...argv];
}

/** A command that is none of the user's, by the way that one of them goes. It goes on when we go away. */
export function aside(command: Command, argv: readonly string[]): Command {
  const { attended: _, ...rest } = command;
  const silent = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' } as const;
  return { ...rest, ...silent, argv: argv as Command['argv'], session: true, detach: true };
}
