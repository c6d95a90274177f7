import { randomBytes } from 'node:crypto';
import type { Runner } from '../../kernel/index.ts';
import { show } from '../../kernel/runnable.ts';
import { checkedPath } from './attributes.ts';
import { unifiedDiff } from './diff.ts';
import { editOf, type Edit } from './edit.ts';
import { READABLE, replacing, script, SHOWN } from './shell.ts';
import { ask, checkStep, firstLine, step, type Found, type StepOptions, type StepResult } from './step.ts';

/** Options of `ensureLine`. Patterns are POSIX extended regular expressions, matched byte by byte: what `grep -E` takes. */
export interface EnsureLineOptions extends StepOptions {
  /** The last line that matches is replaced by the line; where none does it is added, if it isn't there yet. */
  readonly match?: string;
  /** No such line is there: none that matches or, without `match`, that is the line. Default false. */
  readonly absent?: boolean;
  /** A line that is added comes behind the last that matches this. Default, and where none does: at the end. */
  readonly after?: string;
  /** The file is made where it is missing. Default false: that is a failure. */
  readonly create?: boolean;
}

/**
 * Decides what is to be done with `$t`: sets `$e` to its name, `$f` to the lines it is about, each behind its number as `grep -n`
 * has it, or to the number of the line behind which one is added. Needs `$q` the line, `$m` and `$b` the patterns, `$d` whether
 * it is to be absent, `$j` whether a file may be made.
 */
const DECIDE = [
  'e=ok f= s=0',
  // A pattern that is none is told by grep itself, before anything is done.
  'for r in "$m" "$b"; do [ -z "$r" ] || { echo | grep -E -e "$r" >/dev/null; [ $? -lt 2 ] || exit 1; }; done',
  'if [ ! -e "$t" ]; then if [ -z "$d" ]; then [ "$j" ] || no "$t: no such file"; e=new; fi; else ' +
    `${READABLE}; [ $(tr -cd "\\000" <"$t" | wc -c) -eq 0 ] || no "$t: it is no text"; ` +
    'if [ "$m" ]; then f=$(grep -nE -e "$m" <"$t"); else f=$(grep -nxF -e "$q" <"$t"); fi; [ $? -lt 2 ] || exit 1; ' +
    'if [ "$d" ]; then [ -z "$f" ] || e=delete; else ' +
    'if [ "$m" ] && [ "$f" ]; then f=$(echo_ "$f" | tail -n 1); [ "${f#*:}" = "$q" ] || e=replace; ' +
    'elif grep -qxF -e "$q" <"$t"; then f=; else e=add; ' +
    'if [ "$b" ]; then f=$(grep -nE -e "$b" <"$t" | tail -n 1); f=${f%%:*}; fi; f=${f:-$(grep -c "" <"$t")}; fi; fi; fi',
].join('; ');

/** `echo` of some shells reads backslashes. */
const ECHO = 'echo_() { printf "%s\\n" "$1"; }';

const GIVEN = 't=$1 q=$2 m=$3 b=$4 d=$5 j=$6';

const LOOK = script(
  ECHO,
  GIVEN,
  DECIDE,
  'z=$(printf %s "$f" | wc -c); echo "$e $((z)) $s"; printf %s "$f"; if [ $e != ok ] && [ $e != new ] && [ $s -le $7 ]; then cat <"$t"; fi',
);

/** `first N` lines, the last with its end. `head` of some can't give none. */
const FIRST =
  'first() { if [ $1 -gt 0 ]; then head -n $1 <"$t" || return 1; ' +
  'if [ $1 -eq $(grep -c "" <"$t") ] && [ "$(tail -c 1 <"$t")" ]; then echo; fi; fi; }';

const EDIT =
  'case $e in new) echo_ "$q" ;; ' +
  'add) first $f && echo_ "$q" && tail -n +$((f+1)) <"$t" ;; ' +
  'replace) f=${f%%:*}; first $((f-1)) && echo_ "$q" && tail -n +$((f+1)) <"$t" ;; ' +
  'delete) if [ "$M" ]; then grep -vE -e "$M" <"$t"; else grep -vxF -e "$q" <"$t"; fi; [ $? -lt 2 ] ;; esac';

/** Others of us wait until this one is done: their lines go to the file that it makes. Where there is no flock nobody waits. */
const LOCK =
  'case $t in */*) l=${t%/*}/ ;; *) l=. ;; esac; if [ -r "$l" ] && command -v flock >/dev/null; then exec 8<"$l"; flock 8; fi';

/** Looks again: what has changed meanwhile isn't lost. */
const WRITE = script(
  ECHO,
  FIRST,
  `${GIVEN} x=$7`,
  LOCK,
  DECIDE,
  '[ $e != ok ] || exit 0; M=$m m= o= g=',
  replacing(EDIT, ':'),
);

/**
 * A file has this line: `yield* ensureLine('/etc/ssh/sshd_config', 'UseDNS no', { match: '^#?UseDNS' })`. All others stay as they
 * are, and the file's mode and owner. The file stays there: it is grep that looks.
 *
 * Fails with the reason `exit` where the file is missing (but see `create`), is no text or can't be written. `before` is what is
 * replaced or removed, `after` the line.
 */
export function ensureLine(path: string, line: string, options: EnsureLineOptions = {}): Runner<StepResult<string>> {
  checkStep('ensureLine', options, ['match', 'absent', 'after', 'create']);
  const place = checkedPath('ensureLine', path);
  const { match, absent = false, after, create = false } = options;
  checkLine('line', line);
  for (const [name, pattern] of Object.entries({ match, after })) {
    if (pattern === undefined) continue;
    if ((pattern as unknown) instanceof RegExp)
      throw new TypeError(`ensureLine: ${name} is a text that grep -E takes, not a RegExp: give its source`);
    checkLine(name, pattern);
    if (pattern === '') throw new TypeError(`ensureLine: ${name} is empty, every line would match`);
  }
  for (const [name, flag] of Object.entries({ absent, create }))
    if (typeof flag !== 'boolean') throw new TypeError(`ensureLine: ${name} is true or false, not ${show(flag)}`);
  if (absent && (after !== undefined || create))
    throw new TypeError('ensureLine: what is absent comes after nothing, and no file is made for it');
  const words = [place, line, match ?? '', after ?? '', absent ? '1' : '', create ? '1' : ''];

  function* change(): Generator<any, undefined, any> {
    yield* ask(WRITE, [...words, randomBytes(9).toString('hex')], { label: `edit ${path}` });
    return undefined;
  }
  function* look(): Generator<any, Found<string>, any> {
    const [told, rest] = firstLine(yield* ask(LOOK, [...words, String(SHOWN)], { label: `look at ${path}` }));
    const [name, length, size] = told.split(' ');
    const about = rest.subarray(0, Number(length)).toString();
    const edit = editOf(name as Edit['name'], about, line);
    const old = name === 'new' ? undefined : rest.subarray(Number(length));
    const diff =
      name === 'ok' || Number(size) > SHOWN ? undefined : unifiedDiff(path, old, edit.apply(old ?? Buffer.alloc(0)));
    const kept = name === 'ok' && !absent ? line : undefined;
    return {
      before: edit.before ?? kept,
      after: absent ? undefined : line,
      amiss: name === 'ok' ? [] : [edit.told],
      ...(diff === undefined ? {} : { diff }),
      change,
    };
  }

  return step({
    type: 'ensureLine',
    subject: path,
    wish: `${absent ? 'that ' : ''}${path} has ${absent ? 'no line' : 'the line'} ${JSON.stringify(absent && match !== undefined ? match : line)}`,
    spec: {
      path,
      line,
      ...(match === undefined ? {} : { match }),
      ...(after === undefined ? {} : { after }),
      ...(absent ? { absent } : {}),
      ...(create ? { create } : {}),
    },
    options,
    look,
  });
}

function checkLine(name: string, text: unknown): void {
  if (typeof text !== 'string') throw new TypeError(`ensureLine: ${name} is a text, not ${show(text)}`);
  if (/[\n\0]/.test(text)) throw new TypeError(`ensureLine: ${name} has a newline or a NUL; it is about one line`);
}
