import type { Runner } from '../../kernel/index.ts';
import { show } from '../../kernel/runnable.ts';
import { commands, script } from './shell.ts';
import { ask, checkStep, perform, step, type Found, type StepOptions, type StepResult } from './step.ts';

/** Options of `ensurePackage`. */
export interface EnsurePackageOptions extends StepOptions {
  /** They are not installed. Default false. */
  readonly absent?: boolean;
}

/** Says who installs packages there, then which of the names are installed: a package, or what one of them provides. */
const LOOK = script(
  'has() { command -v "$1" >/dev/null; }; by=; for p in apt-get dnf yum zypper apk brew; do if has $p; then by=$p; break; fi; done',
  '[ "$by" ] || no "there is none of apt-get, dnf, yum, zypper, apk and brew"; echo "$by"',
  'provided() { dpkg-query -W -f="\\${db:Status-Status} \\${Provides}\\n" 2>/dev/null | grep "^installed " | cut -d " " -f 2- | tr ", " "\\n\\n" | grep -xF -e "$1" >/dev/null; }',
  'for n; do case $by in apt-get) [ "$(dpkg-query -W -f="\\${db:Status-Status}\\n" "$n" 2>/dev/null | grep -x installed)" ] || provided "$n" ;; ' +
    'apk) apk info -e "$n" >/dev/null 2>&1 ;; brew) brew list --versions "$n" >/dev/null 2>&1 ;; ' +
    '*) rpm -q --whatprovides "$n" >/dev/null 2>&1 ;; esac && echo "$n"; done; true',
);

/**
 * `add` or `del`, by whom, the packages; nothing asks anything. apt waits for another that is at work (a machine has one when it
 * boots), keeps configurations that were changed, and reads its lists anew only where a package isn't found: new machines have
 * none.
 */
const CHANGE = commands(
  'do=$1 by=$2; shift 2; DEBIAN_FRONTEND=noninteractive NONINTERACTIVE=1 NEEDRESTART_SUSPEND=1; export DEBIAN_FRONTEND NONINTERACTIVE NEEDRESTART_SUSPEND',
  'apt() { apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null; }',
  'case $do:$by in ' +
    'add:apt-get) if ! apt-cache show "$@" >/dev/null 2>&1; then apt update || exit; fi; apt install "$@" ;; del:apt-get) apt remove "$@" ;; ' +
    'add:zypper) zypper -n install "$@" ;; del:zypper) zypper -n remove "$@" ;; ' +
    'add:apk) apk add --no-progress "$@" || { apk update && apk add --no-progress "$@"; } ;; del:apk) apk del --no-progress "$@" ;; ' +
    'add:brew) brew install "$@" ;; del:brew) brew uninstall "$@" ;; ' +
    'add:*) $by -y install "$@" ;; del:*) $by -y remove "$@" ;; esac </dev/null || exit',
);

/**
 * Packages are installed, in one go: `yield* ensurePackage(['nginx', 'curl'])`; of what is there the version stays. By apt-get, dnf,
 * yum, zypper, apk or brew, whichever is there first. `before` and `after` are those of the names that are installed.
 *
 * Fails with the reason `exit` and what the installer said.
 */
export function ensurePackage(
  names: string | readonly string[],
  options: EnsurePackageOptions = {},
): Runner<StepResult<readonly string[]>> {
  checkStep('ensurePackage', options, ['absent']);
  const { absent = false } = options;
  if (typeof absent !== 'boolean') throw new TypeError(`ensurePackage: absent is true or false, not ${show(absent)}`);
  const given: readonly unknown[] = Array.isArray(names) ? (names as readonly unknown[]) : [names];
  if (given.length === 0) throw new TypeError('ensurePackage: an empty list names no package');
  for (const name of given) {
    if (typeof name !== 'string' || !/^[A-Za-z0-9@_][\w@+.:/~-]*$/.test(name))
      throw new TypeError(`ensurePackage: ${show(name)} is no name of a package (versions can't be given)`);
  }
  const all = [...new Set(given as readonly string[])];

  function* look(): Generator<any, Found<readonly string[]>, any> {
    const answer = yield* ask(LOOK, all, { label: `look for ${all.join(' ')}` });
    const [by = '', ...installed] = answer.toString().trim().split('\n');
    const there = new Set(installed);
    const concerned = all.filter((name) => there.has(name) === absent);
    return {
      before: all.filter((name) => there.has(name)),
      after: absent ? [] : all,
      amiss: concerned.length === 0 ? [] : [`${absent ? 'removed' : 'installed'} ${concerned.join(', ')}`],
      *change() {
        const label = `${by} ${absent ? 'remove' : 'install'} ${concerned.join(' ')}`;
        yield* perform(CHANGE, [absent ? 'del' : 'add', by, ...concerned], label);
        return undefined;
      },
    };
  }

  return step({
    type: 'ensurePackage',
    subject: all.join(' '),
    wish: `that ${all.join(', ')} ${all.length === 1 ? 'is' : 'are'}${absent ? ' not' : ''} installed`,
    spec: { names: all, ...(absent ? { absent } : {}) },
    options,
    look,
  });
}
