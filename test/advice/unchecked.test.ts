import t from 'tap';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { timeout } from '../../lib/advice/timeout.ts';
import { all } from '../../lib/compose/all.ts';
import { runCommandGens } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';
import { failure, like } from '../support.ts';

adviceContract(t, 'unchecked', unchecked);

t.test('exits and signals are results, failed starts are not', async (t) => {
  const [codes] = await runCommandGens([
    all([program('exit 3').with(unchecked), program('kill -9 $$').with(unchecked), program('true').with(unchecked)]),
  ]);
  t.match(codes, [{ exitCode: 3, signal: undefined }, { exitCode: undefined, signal: 'SIGKILL' }, { exitCode: 0 }]);
  await t.rejects(
    program(['no-such-program-here']).with(unchecked).run(),
    like({ reason: { type: 'spawn', code: 'ENOENT' } }),
  );
});

t.test('kills and timeouts stay what they are', async (t) => {
  const clock = fakeClock();
  const late = runCommandGens([program('exec sleep 1000').with(unchecked, timeout('1s'))], { clock });
  late.catch(() => {});
  await clock.advance('1s');
  await t.rejects(late, like({ errors: [{ reason: { type: 'timeout', ms: 1000 } }] }));
  const killed = runCommandGens([program('exec sleep 1000').with(unchecked)]);
  killed.kill('test');
  await t.rejects(killed, like({ reason: { type: 'killed', by: 'test' } }));
  await t.rejects(failure(new RangeError('mine')).with(unchecked).run(), new RangeError('mine'));
});

t.test('called as if it made an advice: what to write instead', async (t) => {
  t.throws(
    () => failure(new Error('x')).with((unchecked as any)()),
    /^unchecked: is an advice itself; write runner.with/,
  );
});
