// The sudo of this machine, not the rig's: in CI it is always there.
import { mkdtempSync, chmodSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { program, runCommandGens, spawn, via, within, type Runnable, type Runner } from '../../lib/index.ts';
import { lacking, missing } from '../missing.ts';
import { isAlive, until } from '../ssh/rig/procs.ts';
import { startRig, sshdMissing } from '../ssh/rig/rig.ts';

const notRoot = userInfo().uid === 0 ? false : lacking('only root may become another user without a password');
const skip = missing('sudo') || notRoot || (sshdMissing() ?? false);

t.test('real sudo, to another user', { skip }, async (t) => {
  const rig = await startRig();
  t.teardown(() => rig.stop());
  const folder = mkdtempSync(join(tmpdir(), 'sluice-sudo-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o777);
  const sudo = via.sudo({ user: 'nobody' });
  const there = via.ssh('h1', { config: rig.config });
  const places: readonly [string, <T>(body: Runnable<T>) => Runner<T>][] = [
    ['here', (body) => within({ via: sudo, cwd: folder }, body)],
    ['there', (body) => within({ via: there, cwd: folder }, within({ via: sudo }, body))],
  ];
  for (const [name, run] of places) {
    const show = 'id -un; pwd; echo "$X"; echo error >&2; exit 7';
    const shown = await run(program(show, { env: { X: "it's" }, unchecked: true })).run();
    t.match(shown, { exitCode: 7, stdout: `nobody\n${folder}\nit's`, stderr: 'error' }, name);
    const big = 'x'.repeat(1_000_000);
    t.equal((await run(program('cat', { stdin: big })).run()).stdout.length, big.length, `${name}: stdin`);

    for (const stdin of ['none', 'some']) {
      const pids = join(folder, `${name}-${stdin}`);
      const script = `trap '' TERM; sleep 1000 & timeout 1000 sleep 1000 & echo $$ $! > ${pids}.new; mv ${pids}.new ${pids}; cat; sleep 1000`;
      const body = program(['sh', '-c', script], { grace: '200ms', ...(stdin === 'some' ? { stdin: 'x' } : {}) });
      let living: number[] = [];
      const [outcome] = await Promise.allSettled([
        runCommandGens([
          function* () {
            const one = yield* spawn(run(body));
            yield* untilThere(pids);
            living = readFileSync(pids, 'utf8').trim().split(' ').map(Number);
            one.kill();
            yield* one.join();
          },
        ]),
      ]);
      t.match(outcome, { status: 'rejected' }, `${name}: killed`);
      t.equal(living.length, 2);
      await until(`${name}: they have gone`, () => !living.some(isAlive));
    }
  }
});

function* untilThere(path: string) {
  yield* program(['sh', '-c', `until [ -e ${path} ]; do sleep 0.05; done`]);
}
