// Small files by one script each. They have no newlines, which csh could not read.
// A line that they write first tells that a shell has read them, and not a forced command; what is before it is from a start-up
// file of the shell.
import { randomBytes } from 'node:crypto';
import { sha256 } from '../../store/digest.ts';
import { execute } from './exec.ts';
import { hostError, type Job, type Reached } from './job.ts';
import type { FileChange, FileInfo } from '../../ssh/sftp.ts';

/** What goes as a whole. */
export const SMALL = 256 * 1024; // bytes

const DONE = 'done\n';

/** Behind the first line of a script, which ends with its token; undefined where there is none. */
export function behind(stdout: Buffer, token: string): Buffer | undefined {
  const line = `sluice ${token}\n`;
  const at = stdout.indexOf(line);
  return at === -1 ? undefined : stdout.subarray(at + line.length);
}

/** Names of files that are not whole yet begin so. */
export const HIDDEN = '.sluice-';
export const token = (): string => randomBytes(9).toString('base64url');

/**
 * Beside the target, checked, then renamed: under the name of the target there is never a part of it. A link is followed, and
 * what is replaced keeps its owner, and its mode where none is given.
 */
const UPLOAD = [
  't=$1 n=$2 z=$3 c=$4 m=$5 d=$6 k=$7 w= o=; echo "sluice $k"',
  'no() { echo "$*" >&2; exit 1; }; clean() { [ -z "$w" ] || rm -f -- "$w"; }; trap clean EXIT; trap "exit 1" HUP INT TERM PIPE',
  'if [ -d "$t" ]; then [ "$n" ] || no "$t: it is a folder"; case $t in */) t=$t$n ;; *) t=$t/$n ;; esac; ' +
    'if [ -d "$t" ]; then no "$t: it is a folder"; fi; else case $t in */) no "$t: no such folder" ;; esac; fi',
  'if [ -L "$t" ]; then r=$(readlink -f -- "$t" && echo x) && t=${r%?x}; fi',
  'if [ -e "$t" ]; then [ -f "$t" ] || no "$t: it is no regular file"; ' +
    'set -- $(stat -c "%a %u:%g" -- "$t" 2>/dev/null || stat -f "%Lp %u:%g" -- "$t"); m=${m:-$1} o=$2; fi',
  'case $t in */*) p=${t%/*}/ ;; *) p= ;; esac; [ -d "${p:-.}" ] || no "$p: no such folder"',
  'if [ "$m" ]; then umask 077; fi; set -C; w=$p.sluice-$k; cat >"$w" || no "$t: it could not be written"',
  'if command -v sha256sum >/dev/null; then h=$(sha256sum <"$w"); elif command -v shasum >/dev/null; then h=$(shasum -a 256 <"$w"); else h=; fi',
  'case $h in "$c"*) ;; "") s=$(wc -c <"$w"); [ $s -eq $z ] || no "$t: $s bytes of $z have arrived" ;; *) no "$t: what arrived is not what was sent" ;; esac',
  '[ -z "$o" ] || { [ -O "$t" ] && [ -G "$t" ]; } || chown -- "$o" "$w" 2>/dev/null',
  '[ -z "$m" ] || chmod -- "$m" "$w" || no "$t: its mode could not be set"; [ -z "$d" ] || TZ=UTC0 touch -t "$d" -- "$w" || no "$t: its time could not be set"',
  'mv -f -- "$w" "$t" || no "$t: it could not be replaced"; w=; echo done',
].join('; ');

/** A small file's size, mode and times, and what is in it. */
const DOWNLOAD =
  'echo "sluice $3"; t=$1; no() { echo "$*" >&2; exit 1; }; [ -e "$t" ] || no "$t: no such file"; if [ -f "$t" ]; then ' +
  's=$(stat -L -c "%s %a %X %Y" -- "$t" 2>/dev/null || stat -L -f "%z %Lp %a %m" -- "$t") && [ ${s%% *} -le $2 ] || exit 0; ' +
  '[ -r "$t" ] || no "$t: permission denied"; echo "$s"; exec cat <"$t"; fi';

/** Where and how a file is to be. */
export interface Upload extends FileChange {
  readonly path: string;
  /** Its name where the path is a folder; '' where it may not be one. */
  readonly name: string;
  /** As `sha256sum` writes it, where it is known. */
  readonly digest?: string;
}

/** False where the host has no shell for us: nothing was done then. Throws a CopyError or a ConnectionError. */
export async function upload(
  { connection, host }: Reached,
  content: Uint8Array,
  { path, name, mode, times, digest = sha256(content) }: Upload,
  job: Job,
): Promise<boolean> {
  const time = times === undefined ? '' : stamp(times.mtime);
  const mark = token();
  const args = [path, name, String(content.length), digest, mode?.toString(8) ?? '', time, mark];
  const running = (): void => void (job.sent = true);
  const { exitCode, stdout, stderr } = await execute(
    connection,
    { script: UPLOAD, args },
    content,
    job.signal,
    running,
  );
  const said = behind(stdout, mark)?.toString('latin1');
  if (said === undefined) return false;
  if (exitCode !== 0 || !said.startsWith(DONE)) throw hostError(`${host.name}:${path}`, reasonOf(stderr, path), stderr);
  return true;
}

/** Undefined where it isn't small, isn't a regular file, or the host has no shell for us. */
export async function download(
  { connection, host }: Reached,
  path: string,
  job: Job,
): Promise<{ readonly info: FileInfo; readonly content: Buffer } | undefined> {
  const mark = token();
  const script = { script: DOWNLOAD, args: [path, String(SMALL), mark] };
  const { exitCode, stdout, stderr } = await execute(connection, script, Buffer.alloc(0), job.signal, () => {});
  const said = behind(stdout, mark);
  if (said === undefined) return undefined;
  if (exitCode !== 0) throw hostError(`${host.name}:${path}`, reasonOf(stderr, path), stderr);
  const end = said.indexOf(10);
  if (end === -1) return undefined;
  const [size = 0, mode = 0, atime = 0, mtime = 0] = said
    .toString('latin1', 0, end)
    .split(' ')
    .map((word, index) => parseInt(word, index === 1 ? 8 : 10));
  const content = said.subarray(end + 1);
  // Those of /proc have a size of 0 and something in them.
  if (content.length !== size && size !== 0) return undefined;
  return { info: { type: 'file', size: content.length, mode: mode & 0o7777, atime, mtime }, content };
}

/** The last line, less the path in front. */
function reasonOf(stderr: string, path: string): string {
  const line = stderr.trimEnd().split('\n').at(-1) ?? '';
  return (line.startsWith(`${path}: `) ? line.slice(path.length + 2) : line) || 'the script was ended';
}

/** As `touch -t` takes it: CCYYMMDDhhmm.ss. */
function stamp(seconds: number): string {
  const digits = new Date(seconds * 1000).toISOString().replace(/\D/g, '').slice(0, 14);
  return `${digits.slice(0, 12)}.${digits.slice(12)}`;
}
