// Parts of the steps' scripts. They have no single quotes and no newlines: every login shell reads them alike.

/** Of a text that can be shown. */
export const SHOWN = 64 * 1024; // bytes

const NO = 'no() { echo "$*" >&2; exit 1; }';

/** A script that is asked something: its statements, behind what all of them need. Its messages are in no language but English. */
export function script(...statements: readonly string[]): string {
  return [`LC_ALL=C; export LC_ALL; ${NO}; echo sluice`, ...statements].join('; ');
}

/** A script of which nothing but its end is asked. In its own language: what it installs may be set up for that. */
export function commands(...statements: readonly string[]): string {
  return [NO, ...statements].join('; ');
}

/** `state PATH`: mode, ids and names of what is there, links followed. */
export const STATE =
  'state() { stat -L -c "%a/%u/%g/%U/%G" "$1" 2>/dev/null || stat -L -f "%Mp%Lp/%u/%g/%Su/%Sg" "$1"; }';

/** `same PATH`: whether its digest is `$c` (SHA-256) or, where nothing tells that, `$k` (cksum). */
export const SAME =
  'same() { if command -v sha256sum >/dev/null; then h=$(sha256sum <"$1") y=$c; ' +
  'elif command -v shasum >/dev/null; then h=$(shasum -a 256 <"$1") y=$c; ' +
  'else h=$(cksum <"$1") y=$k; fi; case "$h " in "$y "*) return 0 ;; esac; return 1; }';

/** Sets `$s` to the size of `$t`. @requires a file; fails where it can't be read or is something else */
export const READABLE =
  '[ ! -d "$t" ] || no "$t: it is a folder"; [ -f "$t" ] || no "$t: it is no regular file"; ' +
  '[ -r "$t" ] || no "$t: permission denied"; s=$(wc -c <"$t") || exit 1; s=$((s))';

/** Sets `$t` to what a link leads to. `readlink -f` isn't everywhere. */
const FOLLOW =
  'n=0; while [ -L "$t" ]; do n=$((n+1)); [ $n -lt 40 ] || no "$t: too many links"; ' +
  'r=$(readlink "$t" && echo x) || no "$t: it could not be followed"; r=${r%?x}; ' +
  'case $r in /*) t=$r ;; *) case $t in */*) t=${t%/*}/$r ;; *) t=./$r ;; esac ;; esac; done';

/**
 * Replaces `$t` by what `MAKE` writes: a file beside it, which is renamed when it is whole. Mode `$m`, owner `$o` and group `$g`
 * are those of before where they are empty; `CHECK` looks at `$w` before. `$x` is a word that no other file has in its name.
 */
export function replacing(make: string, check: string): string {
  return [
    STATE,
    FOLLOW,
    'u= v=; case $t in */*) p=${t%/*}/ ;; *) p= ;; esac; [ -d "${p:-.}" ] || no "$p: no such folder"',
    `if [ -e "$t" ]; then ${READABLE}; a=$(state "$t") || exit 1; IFS=/; set -- $a; unset IFS; m=\${m:-$1} u=$2 v=$3; fi`,
    'w=; clean() { [ -z "$w" ] || rm -f "$w"; }; trap clean EXIT; trap "exit 1" HUP INT TERM PIPE',
    '[ -z "$m" ] || umask 077; set -C; true >"$p.sluice-$x" || no "$t: it could not be written"; set +C; w=$p.sluice-$x',
    `{ ${make}; } >"$w" || no "$t: it could not be written"`,
    check,
    'a=$(state "$w") || exit 1; IFS=/; set -- $a; unset IFS',
    'if [ "$o" ]; then chown "$o" "$w" || exit 1; elif [ "$u" ] && [ "$u" != "$2" ]; then chown "$u" "$w" || no "$t: its owner could not be kept"; fi',
    'if [ "$g" ]; then chgrp "$g" "$w" || exit 1; elif [ "$v" ] && [ "$v" != "$3" ]; then chgrp "$v" "$w" || no "$t: its group could not be kept"; fi',
    '[ -z "$m" ] || chmod "0$m" "$w" || exit 1',
    'mv -f "$w" "$t" || no "$t: it could not be replaced"; w=',
  ].join('; ');
}

/** Sets mode, owner and group of `$t`, each where it isn't empty, and tells its state. The owner first: that takes bits of the mode away. */
export const SET = [
  't=$1 m=$2 o=$3 g=$4',
  '[ -z "$o" ] || chown "$o" "$t" || exit 1',
  '[ -z "$g" ] || chgrp "$g" "$t" || exit 1',
  // A fifth digit: with four, GNU's leaves the set-group bit of folders.
  '[ -z "$m" ] || chmod "0$m" "$t" || exit 1',
  STATE,
  'state "$t"',
].join('; ');
