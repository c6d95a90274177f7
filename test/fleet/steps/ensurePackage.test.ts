import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { within } from '../../../lib/compose/within.ts';
import { ensurePackage, type EnsurePackageOptions } from '../../../lib/fleet/steps/ensurePackage.ts';
import '../../support.ts';
import { folder } from '../support.ts';
import { bin, notesOf } from './support.ts';

t.test('bad input is a TypeError at the call', async (t) => {
  const bad: [() => unknown, RegExp][] = [
    [() => ensurePackage(''), /ensurePackage: the string "" is no name of a package/],
    [() => ensurePackage([]), /an empty list names no package/],
    [() => ensurePackage(['a', '-y']), /"-y" is no name of a package/],
    [() => ensurePackage('nginx=1.2'), /versions can't be given/],
    [() => ensurePackage([1 as never]), /the number 1 is no name/],
    [() => ensurePackage('a', { absent: 1 as never }), /absent is true or false/],
  ];
  for (const [call, message] of bad) t.throws(call, { name: 'TypeError', message });
});

/** A machine whose installed packages are the lines of a file, and what its programs were told to do. */
function machine(t: Test, programs: Readonly<Record<string, string>>) {
  const at = folder(t, { installed: 'curl\n' });
  const path = bin(t, programs, ['cat', 'cut', 'tr', 'grep', 'mv']);
  const log = join(at, 'log');
  return async (names: string | string[], options?: EnsurePackageOptions) => {
    writeFileSync(log, '');
    const told = await notesOf(within({ env: { PATH: path, AT: at } }, ensurePackage(names, options)));
    return { ...told, did: readFileSync(log, 'utf8').trim().split('\n').filter(Boolean) };
  };
}

/** Takes the verb and the packages from what it is given. */
const INSTALLER = `
echo "\${0##*/} $*" >>"$AT/log"
verb=; skip=
for word; do
  [ -z "$skip" ] || { skip=; continue; }
  case $word in
    -o) skip=1 ;;
    -*) ;;
    nowhere) echo "E: Unable to locate package nowhere" >&2; exit 100 ;;
    *) if [ -z "$verb" ]; then verb=$word; else case $verb in
      install|add) echo "$word" >>"$AT/installed"; echo "Setting up $word" ;;
      *) grep -vx "$word" "$AT/installed" >"$AT/new"; mv "$AT/new" "$AT/installed" ;; esac; fi ;;
  esac
done`;
const HAS = (name: string) => `grep -qx "${name}" "$AT/installed"`;
const LAST = 'for word; do :; done';

t.test('apt-get', async (t) => {
  const run = machine(t, {
    'apt-get': `${INSTALLER}\necho "$DEBIAN_FRONTEND" >>"$AT/log"`,
    'apt-cache': 'shift; for n; do [ "$n" != fresh ] || exit 100; done',
    'dpkg-query': `
case $3 in
  '') echo "installed mail-agent, awk (= 1.0)"; echo "config-files gone-agent" ;;
  removed) echo config-files ;;
  *) ${HAS('$3')} && echo installed ;;
esac`,
  });
  const check = await run(['nginx', 'curl', 'removed'], { check: true });
  t.same([check.notes, check.did], [['would change: installed nginx, removed'], []]);
  const first = await run(['nginx', 'curl', 'nginx']);
  t.same(first.value, { changed: true, before: ['curl'], after: ['nginx', 'curl'] });
  t.match(first.did, [/^apt-get -q -y .*--force-confold install nginx$/, 'noninteractive']);
  t.same(first.notes, ['changed: installed nginx']);
  t.equal(first.lines, 1, 'what the installer says is told');
  const second = await run(['nginx', 'curl']);
  t.same([second.notes, second.did, second.programs], [['ok'], [], 1]);
  t.same((await run('mail-agent')).notes, ['ok'], 'another package provides it');
  t.same((await run('awk')).notes, ['ok']);
  t.same((await run('gone-agent')).notes, ['changed: installed gone-agent']);
  t.match(
    (await run('fresh')).did.filter((line) => line.startsWith('apt')),
    [/ update$/, / install fresh$/],
  );
  const away = await run(['nginx', 'none'], { absent: true });
  t.match(away.did, [/ remove nginx$/, 'noninteractive']);
  t.same(away.value, { changed: true, before: ['nginx'], after: [] });
  t.same((await run(['nginx'], { absent: true })).notes, ['ok']);
  await t.rejects(run('nowhere'), {
    reason: { type: 'exit', exitCode: 100 },
    message: /^ensurePackage nowhere: failed with exit code 100\nE: Unable to locate package nowhere$/,
  });
});

const others: [by: string, programs: Record<string, string>, add: RegExp, del: RegExp][] = [
  ['dnf', { rpm: `${LAST}\n${HAS('$word')}` }, /^dnf -y install nginx$/, /^dnf -y remove nginx$/],
  ['yum', { rpm: `${LAST}\n${HAS('$word')}` }, /^yum -y install nginx$/, /^yum -y remove nginx$/],
  ['zypper', { rpm: `${LAST}\n${HAS('$word')}` }, /^zypper -n install nginx$/, /^zypper -n remove nginx$/],
  [
    'apk',
    { apk: `case $1 in info) ${HAS('$3')}; exit ;; esac\n${INSTALLER}` },
    /^apk add --no-progress nginx$/,
    /^apk del --no-progress nginx$/,
  ],
  [
    'brew',
    { brew: `case $1 in list) ${HAS('$3')}; exit ;; esac\n${INSTALLER}` },
    /^brew install nginx$/,
    /^brew uninstall nginx$/,
  ],
];
for (const [by, programs, add, del] of others) {
  t.test(by, async (t) => {
    const run = machine(t, { [by]: INSTALLER, ...programs });
    t.match((await run(['curl', 'nginx'])).did, [add]);
    t.same((await run(['curl', 'nginx'])).notes, ['ok']);
    t.match((await run(['nginx', 'none'], { absent: true })).did, [del]);
    t.same((await run(['nginx', 'none'], { absent: true })).notes, ['ok']);
  });
}

t.test('none of them, and a dry run', async (t) => {
  await t.rejects(machine(t, {})('x'), { message: /there is none of apt-get, dnf/ });
  t.same((await notesOf(ensurePackage(['a', 'b'], { absent: true }), { dryRun: true })).notes, [
    'would ensure that a, b are not installed',
  ]);
});
