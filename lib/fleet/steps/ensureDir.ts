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
import { script, SET, STATE } from './shell.ts';
import { ask, checkStep, step, type Found, type StepOptions, type StepResult } from './step.ts';

/** Options of `ensureDir`. What isn't given stays; of a new folder it is what the umask there and the user give. */
export interface EnsureDirOptions extends StepOptions, Attributes {
  /** It is not there, nor is anything in it: of a link, the link alone is removed. Default false. */
  readonly absent?: boolean;
}

const LOOK = script(
  STATE,
  't=$1',
  'if [ -d "$t" ]; then state "$t"; elif [ -e "$t" ]; then no "$t: it is no folder"; ' +
    'elif [ -L "$t" ]; then no "$t: it is a link to nothing"; else echo none; fi',
);

const MAKE = script(
  't=$1 m=$2',
  'case $t in */*) p=${t%/*}; [ -z "$p" ] || mkdir -p "$p" || exit 1 ;; esac',
  // With its mode from the beginning: nobody looks into a private one before it is private.
  'if [ "$m" ]; then mkdir -m "$m" "$t" || [ -d "$t" ]; else mkdir "$t" || [ -d "$t" ]; fi || exit 1',
  SET,
);

const CHANGE = script(SET);

const REMOVE = script('rm -rf "$1" || exit 1; [ ! -e "$1" ] || no "$1: it could not be removed"');

/**
 * A folder is there, with those above it: `yield* ensureDir('/srv/app', { mode: 0o755, owner: 'app' })`. Mode, owner and group are
 * of itself alone. A link to a folder is one. `absent: true` removes it with all that is in it.
 *
 * Fails with the reason `exit` where something else is there, and where it can't be made or changed.
 */
export function ensureDir(path: string, options: EnsureDirOptions = {}): Runner<StepResult<PathState>> {
  checkStep('ensureDir', options, [...ATTRIBUTE_NAMES, 'absent']);
  checkAttributes('ensureDir', options);
  const place = checkedPath('ensureDir', path).replace(/(?<=.)\/+$/, '');
  const { absent = false } = options;
  if (typeof absent !== 'boolean') throw new TypeError(`ensureDir: absent is true or false, not ${show(absent)}`);
  if (absent && Object.keys(told(options)).length > 0)
    throw new TypeError('ensureDir: what is absent has no mode, owner or group');
  if (absent && (/^\/*$/.test(place) || /(?:^|\/)\.{1,2}$/.test(place)))
    throw new TypeError(`ensureDir: ${show(path)} can't be removed; name the folder itself`);
  const words = attributeWords(options);

  function* make(): Generator<any, PathState, any> {
    return pathState(readState((yield* ask(MAKE, [place, ...words], { label: `make ${path}` })).toString()));
  }
  function* change(): Generator<any, PathState, any> {
    return pathState(readState((yield* ask(CHANGE, [place, ...words], { label: `change ${path}` })).toString()));
  }
  function* remove(): Generator<any, undefined, any> {
    yield* ask(REMOVE, [place], { label: `remove ${path}` });
    return undefined;
  }
  function* look(): Generator<any, Found<PathState>, any> {
    const answer = (yield* ask(LOOK, [place], { label: `look at ${path}` })).toString();
    if (answer === 'none\n') {
      if (absent) return { before: undefined, after: undefined, amiss: [], change: remove };
      return { before: undefined, after: changedState(options), amiss: ['created'], change: make };
    }
    const known = readState(answer);
    const before = pathState(known);
    if (absent) return { before, after: undefined, amiss: ['removed'], change: remove };
    return { before, after: changedState(options, before), amiss: amissAmong(options, known), change };
  }

  return step({
    type: 'ensureDir',
    subject: path,
    wish: absent ? `that ${path} is not there` : `the folder ${path}${wished(options)}`,
    spec: { path, ...told(options), ...(absent ? { absent } : {}) },
    options,
    look,
  });
}
