import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { within } from '../../../lib/compose/within.ts';
import { ensureService, type EnsureServiceOptions } from '../../../lib/fleet/steps/ensureService.ts';
import '../../support.ts';
import { folder } from '../support.ts';
import { bin, notesOf } from './support.ts';

t.test('bad input is a TypeError at the call', async (t) => {
  const bad: [() => unknown, RegExp][] = [
    [() => ensureService(''), /ensureService: the string "" is no name of a service/],
    [() => ensureService('-x'), /is no name of a service/],
    [() => ensureService('a b'), /is no name of a service/],
    [() => ensureService('a', { running: 'yes' as never }), /running is true or false/],
    [() => ensureService('a', { enable: true } as never), /unknown option enable/],
  ];
  for (const [call, message] of bad) t.throws(call, { name: 'TypeError', message });
});

/** Programs of a PATH with these services, and what they were told to do. */
function machine(t: Test, programs: Readonly<Record<string, string>>, services: Readonly<Record<string, string>>) {
  const at = folder(t, services);
  const path = bin(t, programs, ['cat', 'cut', 'tr', 'grep', 'rm', 'touch']);
  const log = join(at, 'log');
  return {
    at,
    async run(name: string, options?: EnsureServiceOptions) {
      writeFileSync(log, '');
      const told = await notesOf(within({ env: { PATH: path, AT: at } }, ensureService(name, options)));
      return { ...told, did: readFileSync(log, 'utf8').trim().split('\n').filter(Boolean) };
    },
  };
}

const SYSTEMCTL = `
[ "$1" != --no-ask-password ] || shift
verb=$1; for name; do :; done
case $verb in
  show) if [ -e "$AT/$name.active" ]; then echo LoadState=loaded; else echo LoadState=not-found; fi ;;
  is-active) cat "$AT/$name.active"; grep -qx active "$AT/$name.active" ;;
  is-enabled) cat "$AT/$name.enabled"; grep -qx enabled "$AT/$name.enabled" ;;
  *) echo "$verb $name" >>"$AT/log"
    case $verb:$name in
      start:broken) echo "Job for broken.service failed." >&2; exit 3 ;;
      start:*) echo active >"$AT/$name.active" ;;
      stop:*) echo inactive >"$AT/$name.active" ;;
      *) echo \${verb}d >"$AT/$name.enabled" ;;
    esac ;;
esac`;

t.test('systemctl', async (t) => {
  const { run } = machine(
    t,
    { systemctl: SYSTEMCTL },
    {
      'web.active': 'inactive\n',
      'web.enabled': 'disabled\n',
      'up.active': 'active\n',
      'up.enabled': 'static\n',
      'boot.active': 'activating\n',
      'boot.enabled': 'enabled-runtime\n',
      'broken.active': 'failed\n',
      'broken.enabled': 'enabled\n',
    },
  );
  const check = await run('web', { running: true, enabled: true, check: true });
  t.same(check.notes, ['would change: enabled (was disabled), started (was inactive)']);
  t.same(check.did, []);
  const first = await run('web', { running: true, enabled: true });
  t.same(first.did, ['enable web', 'start web']);
  t.same(first.value, {
    changed: true,
    before: { running: false, enabled: false },
    after: { running: true, enabled: true },
  });
  t.same(check.value, first.value);
  t.equal(first.programs, 2);
  const second = await run('web', { running: true, enabled: true });
  t.same([second.did, second.notes, second.programs], [[], ['ok'], 1]);
  t.same((await run('web')).did, [], 'running is what is wanted by default');
  t.same((await run('web', { running: false })).did, ['stop web']);
  t.same((await run('web')).did, ['start web']);
  t.same((await run('web', { enabled: false })).did, ['disable web']);
  t.same((await run('up', { enabled: true })).notes, ['ok'], 'nothing can be enabled of it');
  t.same((await run('up', { enabled: false })).notes, ['ok']);
  t.same((await run('boot', { running: true, enabled: true })).did, ['enable boot']);

  await t.rejects(run('none'), { message: /^ensureService none: failed with exit code 1\nnone: no such service$/ });
  await t.rejects(run('broken'), {
    reason: { type: 'exit', exitCode: 3 },
    message: /^ensureService broken: failed with exit code 3\nJob for broken.service failed.$/,
  });
});

t.test('rc-service', async (t) => {
  const { run } = machine(
    t,
    {
      'rc-service': `
if [ "$1" = -e ]; then [ -e "$AT/$2" ]; exit; fi
case $2 in status) grep -qx on "$AT/$1" ;; *) echo "$2 $1" >>"$AT/log"; [ "$2" = stop ] && echo off >"$AT/$1" || echo on >"$AT/$1" ;; esac`,
      'rc-update': `
case $1 in show) for f in "$AT"/*.default; do f=\${f##*/}; echo "      \${f%.default} | default"; done ;;
add) echo "add $2" >>"$AT/log"; touch "$AT/$2.default" ;; del) echo "del $2" >>"$AT/log"; rm "$AT/$2.default" ;; esac`,
    },
    { web: 'off\n', 'other.default': '' },
  );
  t.same((await run('web', { running: true, enabled: true })).did, ['add web', 'start web']);
  t.same((await run('web', { running: true, enabled: true })).notes, ['ok']);
  t.same((await run('web', { running: false, enabled: false })).did, ['del web', 'stop web']);
  await t.rejects(run('none'), { message: /none: no such service/ });
});

t.test('service', async (t) => {
  const { run } = machine(
    t,
    {
      service: `
[ -e "$AT/$1" ] || { echo "$1: unrecognized service" >&2; exit 1; }
case $2 in status) grep -qx on "$AT/$1" || exit 3 ;; *) echo "$2 $1" >>"$AT/log"; echo on >"$AT/$1" ;; esac`,
      'update-rc.d': 'echo "$2 $1" >>"$AT/log"',
    },
    { 'no-such-web': 'off\n' },
  );
  t.same((await run('no-such-web', { running: true, enabled: true })).did, ['enable no-such-web', 'start no-such-web']);
  t.same((await run('no-such-web', { running: true, enabled: false })).notes, ['ok']);
  await t.rejects(run('none'), { message: /none: no such service/ });
});

t.test('none of them, and a dry run', async (t) => {
  const { run, at } = machine(t, {}, {});
  await t.rejects(run('web'), { message: /there is neither systemctl nor rc-service nor service/ });
  const { notes } = await notesOf(ensureService('web', { enabled: false, running: true }), { dryRun: true });
  t.same(notes, ['would ensure that web is running and not enabled']);
  t.ok(existsSync(at));
});
