// What a remote host's shell is given to run a command: beside the command, which becomes the leader of the session that sshd
// has made for it, stands a watcher that ends all of that session once nobody over here wants it any more.
//
// The fixed texts have neither quotes nor backslashes nor newlines: between single quotes every login shell reads them alike.
import type { Command } from '../kernel/index.ts';
import { quote } from '../runners/quote.ts';
import { loginText } from './loginText.ts';
import { assignments, withEnv } from './rewrite.ts';
import { saysBegin, saysStatus } from './trailer.ts';

/**
 * `all SIGNAL` signals every process of the session `$s` but the watcher `$m`, whatever its group, and succeeds while there are
 * any: /proc tells, else ps, else the group has to do. `lives PID`: a zombie doesn't, which nobody may wait for. `last SIGNAL` ends all of it: after five seconds, looked at seldom enough to be
 * about that on a busy machine, by SIGKILL.
 */
export const SESSION = [
  'read -r m m2 </proc/self/stat',
  'lives() { if [ -r /proc/self/stat ]; then read -r l </proc/$1/stat && set -- ${l##*)} && [ $1 != Z ]; else ps -p $1; fi; }',
  'one() { r=0; kill -s $g $1; case $g in KILL|STOP|0) ;; *) kill -s CONT $1 ;; esac; }',
  'all() { r=1; g=$1; if [ -r /proc/self/stat ]; then for f in /proc/[0-9]*/stat; do read -r l <$f || continue; p=${l%% *}; ' +
    'set -- ${l##*)}; if [ "$4" = $s ] && [ $p != "$m" ] && [ "$1" != Z ]; then one $p; fi; done; ' +
    'elif l=$(ps -A -o sid= -o pid=); then set -- $l; while [ $# -gt 1 ]; do if [ $1 = $s ] && [ $2 != "$m" ]; then one $2; fi; ' +
    'shift 2; done; else kill -s $g -- -$s && r=0; fi; return $r; }',
  'last() { all $1; n=0; while [ $n -lt 14 ] && all 0; do if [ $n -lt 10 ]; then sleep 0.1 || sleep 1; else sleep 1; fi; n=$((n+1)); done; ' +
    'while all KILL; do sleep 0.1 || sleep 1; done; }',
].join('; ');

/**
 * Holds the end to read from of a pipe whose other end is ours: each line is a signal for all of the session. At its end the
 * session is ended, if its leader lives or it was told to end: what a command left behind on purpose stays.
 */
const WATCHER =
  `s=$$ t=; ${SESSION}; while read -r g <&3; do case $g in TERM|INT|HUP|QUIT|KILL) t=1 ;; esac; all $g; done; ` +
  'if [ "$t" ] || lives $s; then last TERM; fi';

/**
 * For a command that has stdin for itself: looks each second whether its sshd lives. One that ends together with it leaves what it has put
 * in the background, so it is given a moment.
 */
const POLLER = `s=$$ d=$PPID; ${SESSION}; while lives $s; do if lives $d; then sleep 1; else sleep 0.2 || sleep 1; if lives $s; then last TERM; fi; break; fi; done`;

const LEADER = 'if [ "$1" ]; then cd -- "$1" || exit 126; fi; shift; exec "$@"';
const WATCHED = `exec 3<&0 </dev/null; { ${WATCHER}; } >/dev/null 2>&1 & exec 3<&-; ${LEADER}`;
/** Says its pid before anything else, behind a token. */
const POLLED = `echo "$1:$$" >&2; shift; { ${POLLER}; } </dev/null >/dev/null 2>&1 & ${LEADER}`;
/** For a command below another program, with that one's rights: the session is the one that it finds itself in. */
const OWN_SESSION =
  'if read -r l </proc/self/stat; then set -- ${l##*)}; s=$4; else s=$(ps -o sid= -p $$); s=${s:-$$}; fi';
export const WATCHED_BELOW = WATCHED.replace('s=$$ t=', () => `${OWN_SESSION}; t=`);
const ALONE = LEADER;

/** What is sent to all ends the command and not the shell, which has to say so. */
const OUTLIVE = 'trap : HUP INT QUIT TERM USR1 USR2 ALRM';

/** One that stays, to say what its command has ended with: it outlives the signals that go to all, and says nothing about them. */
function staying(token: string): string {
  return (
    `if [ "$1" ]; then cd -- "$1" || { ${saysStatus(token, '126', 2)}; exit 126; }; fi; shift; ` +
    `${OUTLIVE}; exec 4>&2 2>/dev/null; ( exec "$@" ) 2>&4 4>&-; ${saysStatus(token, '$?', 4)}`
  );
}
const KILL = `s=$1 m=0; ${SESSION.replace(/^read[^;]*; /, '')}; case $2 in TERM|INT|HUP|QUIT) last $2 ;; *) all $2 ;; esac`;

/** How a command is looked after. */
export type Care =
  /** Its stdin is ours: the watcher's. */
  | { readonly type: 'lifeline' }
  /** Its stdin is its own; it says its pid first, behind this token. */
  | { readonly type: 'poll'; readonly token: string }
  /** It is meant to outlive us. */
  | { readonly type: 'none' };

/** In a shell of the user's: what is set in a .bashrc is for programs of his, and our texts rely on none of it. */
const PLAIN = 'set +eufxv; unset IFS; unset -f cd echo eval exec kill read shift sleep trap; ';

/** Linux takes no argument that is longer (MAX_ARG_STRLEN), and what a shell is given by sshd is one. */
const LONGEST = 128_000; // bytes

/** What runs a command. */
export interface Script {
  /** For the remote user's shell. */
  readonly text: string;
  /** Goes to its stdin before anything else: too long for an argument. */
  readonly input?: Buffer;
}

/** How a command is run. */
export interface Way {
  readonly care: Care;
  /** It says on stderr when it begins and how it ends (trailer.ts). */
  readonly token?: string | undefined;
  /** The user's shell is known to be one that reads our texts as sh does, so that another needn't be started. */
  readonly sh?: boolean | undefined;
}

/** Whether it can only be run by a script that comes on stdin. */
export function isLong({ argv }: Command): boolean {
  return argv.some((word) => word.length * 3 > LONGEST && Buffer.byteLength(word) > LONGEST);
}

/** What is sent to run a command. */
export function remoteScript(command: Command, { care, token, sh = false }: Way): Script {
  const shell = shellText(command);
  const long = shell !== undefined && Buffer.byteLength(shell) > LONGEST;
  const words = [command.cwd, ...(long ? [shell] : wordsOf(command))];
  if (care.type === 'poll') words.unshift(care.token);
  let script = care.type === 'lifeline' ? WATCHED : care.type === 'poll' ? POLLED : ALONE;
  if (token !== undefined) script = `${saysBegin(token)}; ${script.slice(0, -LEADER.length)}${staying(token)}`;
  if (long) script = script.replace('exec "$@"', () => 'eval "shift; $1"');
  const own = `set -- ${words.map(quote).join(' ')}; ${script}`;
  const text = sh ? `${PLAIN}${own}` : loginText(script, words);
  if (Buffer.byteLength(text) <= LONGEST) return { text };
  // All one line, which runs what it ends with: when the connection is cut on the way, nothing is run. The token is for the eyes
  // of the transport, which looks for it.
  const input = Buffer.from(own);
  return { text: `exec /bin/sh -c 'eval "$(dd bs=1 count=${input.length} 2>/dev/null)"' sh ${token ?? ''}`, input };
}

/** The text of a command that is one for sh, with its variables. */
function shellText({ argv, env, exactEnv }: Command): string | undefined {
  const [file, option, ...rest] = argv;
  const text = rest.at(-1);
  if (file !== '/bin/sh' || option !== '-c' || text === undefined || exactEnv === true) return undefined;
  if (rest.length > 2 || (rest.length === 2 && rest[0] !== '--')) return undefined;
  return [...assignments(env).map((variable) => `export ${quote(variable)}; `), text].join('');
}

function wordsOf({ argv, env, exactEnv }: Command): string[] {
  return withEnv(argv, assignments(env), exactEnv);
}

/** A shell that stays and takes steps as its stdin. It says its pid on stderr first, which the steps find as descriptor 4. */
export function laneScript(token: string): string {
  return (
    `exec /bin/sh -c 'echo ${token}:$$ >&2; { ${POLLER}; } </dev/null >/dev/null 2>&1 & ` +
    `exec 4>&2 2>/dev/null; exec /bin/sh -s'`
  );
}

/** What goes to such a shell first. */
export const LANE_BEGIN = `${OUTLIVE}\n`;

/** A command for such a shell: it can't end the shell, nor read the steps behind it. */
export function stepScript(command: Command, token: string): Script {
  const { cwd } = command;
  const folder = cwd === '' ? '' : `cd -- ${quote(cwd)} || exit 126; `;
  const both = (text: string): string => `echo ${token}:${text}; echo ${token}:${text} >&4`;
  return {
    text: `${both('begin')}; ( ${folder}exec ${wordsOf(command).map(quote).join(' ')} ) </dev/null 2>&4 4>&-; r=$?; ${both('$r')}\n`,
  };
}

/** The text that signals a session by its leader's pid, and ends all of it where the signal ends. */
export function killScript(pid: number, signal: string): string {
  return `exec /bin/sh -c '${KILL}' sh ${pid} ${signal}`;
}
