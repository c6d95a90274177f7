import { randomBytes } from 'node:crypto';
import type { Runner } from '../../kernel/index.ts';
import { show } from '../../kernel/runnable.ts';
import {
  amissAmong,
  ATTRIBUTE_NAMES,
  attributeWords,
  changedState,
  checkAttributes,
  checkedPath,
  pathState,
  readState,
  told,
  wished,
  type Attributes,
  type PathState,
} from './attributes.ts';
import { sha256 } from '../../store/digest.ts';
import { cksum } from '../digest.ts';
import { unifiedDiff } from './diff.ts';
import { READABLE, replacing, SAME, script, SET, SHOWN, STATE } from './shell.ts';
import { ask, checkStep, firstLine, step, type Found, type StepOptions, type StepResult } from './step.ts';

/** Options of `ensureFile`. What isn't given stays; of a new file it is what the umask there and the user give. */
export interface EnsureFileOptions extends StepOptions, Attributes {}

/** A file, as a step finds or leaves it. */
export interface FileState extends PathState {
  readonly size: number;
}

const LOOK = script(
  STATE,
  SAME,
  't=$1 c=$2 k=$3 l=$4',
  `if [ -e "$t" ]; then ${READABLE}; a=$(state "$t") || exit 1; if same "$t"; then d=same; else d=other; fi; ` +
    'echo "$d $s $a"; if [ $d = other ] && [ $s -le $l ]; then cat <"$t"; fi; else echo none; fi',
);

const WRITE = script(
  SAME,
  't=$1 m=$2 o=$3 g=$4 c=$5 k=$6 x=$7',
  replacing('cat', 'same "$w" || no "$t: what arrived is not what was sent"'),
  'state "$t"',
);

const CHANGE = script(SET);

/**
 * A file has this content: `yield* ensureFile('/etc/app.conf', 'port 80\n', { mode: 0o644 })`. Where it has, by its digest, the
 * content stays here. It is replaced as a whole or not at all; a link is followed. Its folder must be there: see `ensureDir`.
 *
 * Fails with the reason `exit` where it can't be read or written, is a folder, or its owner can't be kept.
 */
export function ensureFile(
  path: string,
  content: string | Uint8Array,
  options: EnsureFileOptions = {},
): Runner<StepResult<FileState>> {
  checkStep('ensureFile', options, ATTRIBUTE_NAMES);
  checkAttributes('ensureFile', options);
  const place = checkedPath('ensureFile', path);
  if (path.endsWith('/')) throw new TypeError(`ensureFile: ${show(path)} is the path of a folder`);
  if (typeof content !== 'string' && !(content instanceof Uint8Array))
    throw new TypeError(`ensureFile: the content is a string or bytes, not ${show(content)}`);
  const bytes = Buffer.from(content as Uint8Array);
  const [digest, check] = [sha256(bytes), cksum(bytes)];
  const words = attributeWords(options);

  function* write(): Generator<any, FileState, any> {
    const args = [place, ...words, digest, check, randomBytes(9).toString('hex')];
    const answer = yield* ask(WRITE, args, { label: `write ${path}`, stdin: bytes });
    return { size: bytes.length, ...pathState(readState(answer.toString())) };
  }
  function* change(): Generator<any, FileState, any> {
    const answer = yield* ask(CHANGE, [place, ...words], { label: `change ${path}` });
    return { size: bytes.length, ...pathState(readState(answer.toString())) };
  }
  function* look(): Generator<any, Found<FileState>, any> {
    const limit = String(bytes.length <= SHOWN ? SHOWN : -1);
    const answer = yield* ask(LOOK, [place, digest, check, limit], { label: `look at ${path}` });
    const [line, old] = firstLine(answer);
    const [is = '', size, ...state] = line.split(' ');
    if (is === 'none') {
      const after = { size: bytes.length, ...changedState(options) };
      return { before: undefined, after, amiss: ['created'], diff: unifiedDiff(path, undefined, bytes), change: write };
    }
    const known = readState(state.join(' '));
    const before = { size: Number(size), ...pathState(known) };
    const after = { size: bytes.length, ...changedState(options, before) };
    const amiss = amissAmong(options, known);
    if (is === 'same') return { before, after, amiss, change };
    const shown = before.size <= SHOWN ? unifiedDiff(path, old, bytes) : undefined;
    return { before, after, amiss: ['content', ...amiss], diff: shown, change: write };
  }

  return step({
    type: 'ensureFile',
    subject: path,
    wish: `the file ${path}: ${bytes.length} bytes${wished(options)}`,
    spec: { path, sha256: digest, ...told(options) },
    options,
    look,
  });
}
