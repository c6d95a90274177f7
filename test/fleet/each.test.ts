import fc from 'fast-check';
import t from 'tap';
import { within } from '../../lib/compose/within.ts';
import { each, type EachOptions } from '../../lib/fleet/each.ts';
import { hosts } from '../../lib/fleet/hosts.ts';
import type { FleetResult } from '../../lib/fleet/result.ts';
import { RunError, runCommandGens, type Event, type Reason, type Spawner } from '../../lib/kernel/index.ts';
import { sleep } from '../../lib/runners/sleep.ts';
import type { Host } from '../../lib/ssh/host.ts';
import { put } from '../../lib/fleet/put.ts';
import { ssh } from '../../lib/fleet/ssh.ts';
import { contract } from '../../lib/testing/contract.ts';
import { refuses, silent, sshdMissing, startRig } from '../ssh/rig/rig.ts';
import { driven, failure, settleDown, value, type Driven } from '../support.ts';

contract(t, 'each', () => ({
  runner: () => each('a,b', (host) => value(host.name)),
  endless: () => each('a,b', (host) => (host.name === 'a' ? value(undefined) : sleep(Infinity))),
  check: (given) => t.same([...given.ok.values()], ['a', 'b']),
}));

const skip = sshdMissing() ?? false;

const names = (them: Iterable<Host> | ReadonlyMap<Host, unknown>): string[] =>
  [...(them instanceof Map ? (them.keys() as Iterable<Host>) : (them as Iterable<Host>))].map(({ name }) => name);

/** A fleet that the test drives: work by name of host, as it is begun. */
function fleet(list: string, options: EachOptions = {}) {
  const begun: string[] = [];
  const at: Record<string, Driven<string>> = {};
  const events: Event[] = [];
  const runner = each(
    list,
    function* (host) {
      begun.push(host.name);
      return yield* (at[host.name] = driven<string>()).runner;
    },
    options,
  );
  const loop = runCommandGens([runner], { onEvent: (event) => void events.push(event) });
  const result = loop.then(([given]) => given as FleetResult<string>);
  return {
    begun,
    at,
    events,
    loop,
    result,
    async finish(...who: string[]) {
      for (const name of who) at[name]!.finish(`${name} done`);
      await settleDown();
    },
    async fail(...who: string[]) {
      for (const name of who) at[name]!.fail(new Error(`${name} failed`));
      await settleDown();
    },
  };
}

t.test('every host has its end, and none fails the whole', async (t) => {
  const f = fleet('web[1-3]');
  await settleDown();
  t.same(f.begun, ['web1', 'web2', 'web3']);
  await f.finish('web3', 'web1');
  await f.fail('web2');
  const result = await f.result;
  t.same([...result.ok.values()], ['web1 done', 'web3 done'], 'in the order of the hosts');
  t.same(names(result.failed), ['web2']);
  t.same(
    [...result.outcomes].map(([host, { type }]) => [host.name, type]),
    [
      ['web1', 'finished'],
      ['web2', 'failed'],
      ['web3', 'finished'],
    ],
  );
  t.equal(result.unreachable.size, 0);
  t.equal(result.skipped.size, 0);
});

t.test('hosts are named in the ids of runs', async (t) => {
  const ids: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'start' && ids.push(event.run));
  const deploy = each(['web07', 'db:2201', 'root@x.y'], function* () {
    yield* value(1);
    yield* value(2);
  });
  await runCommandGens([deploy], { onEvent });
  t.same(ids.slice(0, 4), ['1', '1.web07', '1.web07.1', '1.web07.2']);
  t.same(
    ids.filter((id) => id.endsWith('.2')),
    ['1.web07.2', '1.db:2201.2', '1.x.y.2'],
  );
});

t.test('slots: so many at once, and a slow host holds nobody', async (t) => {
  const f = fleet('h[1-5]', { slots: 2 });
  await settleDown();
  t.same(f.begun, ['h1', 'h2']);
  await f.finish('h2');
  await f.finish('h3');
  await f.finish('h4');
  t.same(f.begun, ['h1', 'h2', 'h3', 'h4', 'h5'], 'h1 still runs');
  await f.finish('h5', 'h1');
  t.equal((await f.result).ok.size, 5);
});

t.test('32 at once unless said otherwise', async (t) => {
  const f = fleet('h[1-40]');
  await settleDown();
  t.equal(f.begun.length, 32);
  f.loop.kill();
  await t.rejects(f.result);
});

t.test('failFast ends those in flight', async (t) => {
  const f = fleet('h[1-4]', { slots: 3, failFast: true });
  await settleDown();
  await f.finish('h1');
  await f.fail('h3');
  const result = await f.result;
  t.same(names(result.ok), ['h1']);
  t.same(
    [...result.failed].map(([host, error]) => [host.name, error.message.split('\n')[0]]),
    [
      ['h2', 'h2: was killed by failFast'],
      ['h3', 'h3 failed'],
      ['h4', 'h4: was killed by failFast'],
    ],
  );
  t.match(result.outcomes.get([...result.failed.keys()][0]!), { type: 'killed', by: 'failFast' });
});

t.test('failFast begins no more', async (t) => {
  const f = fleet('h[1-4]', { slots: 1, failFast: true });
  await settleDown();
  await f.fail('h1');
  t.same(names((await f.result).skipped), ['h2', 'h3', 'h4']);
  t.match(
    f.events.find(({ type }) => type === 'note'),
    { text: 'a host failed; 3 are not begun' },
  );
});

t.test('maxFail: one more than that many, and no more are begun; those in flight end', async (t) => {
  for (const maxFail of [1, '25%', '20%'] as const) {
    const f = fleet('h[1-5]', { slots: 3, maxFail });
    await settleDown();
    await f.fail('h1');
    t.same(f.begun, ['h1', 'h2', 'h3', 'h4'], `${maxFail}: one is not too many`);
    await f.fail('h2');
    t.equal(f.begun.length, 4);
    await f.finish('h3', 'h4');
    const result = await f.result;
    t.same(names(result.ok), ['h3', 'h4']);
    t.same(names(result.skipped), ['h5']);
    t.same(names(result.rest), ['h1', 'h2', 'h5']);
  }
});

t.test('maxFail: 0 is the first', async (t) => {
  const f = fleet('h[1-3]', { slots: 1, maxFail: 0 });
  await settleDown();
  await f.fail('h1');
  t.equal((await f.result).skipped.size, 2);
});

t.test('canaries are done before the others', async (t) => {
  const f = fleet('h[1-5]', { canary: 2 });
  await settleDown();
  t.same(f.begun, ['h1', 'h2']);
  await f.finish('h2');
  t.equal(f.begun.length, 2);
  await f.finish('h1');
  t.equal(f.begun.length, 5);
  await f.finish('h3', 'h4', 'h5');
  t.equal((await f.result).ok.size, 5);
});

t.test('a canary that fails keeps the others from being begun', async (t) => {
  const f = fleet('h[1-5]', { canary: 2, batch: 2 });
  await settleDown();
  await f.fail('h2');
  await f.finish('h1');
  const result = await f.result;
  t.same(names(result.skipped), ['h3', 'h4', 'h5']);
  t.match(
    f.events.find(({ type }) => type === 'note'),
    { text: 'a canary failed; 3 are not begun' },
  );
});

t.test('batches: all of one have ended before the next is begun', async (t) => {
  const f = fleet('h[1-9]', { canary: 1, batch: '40%' });
  await settleDown();
  t.same(f.begun, ['h1']);
  await f.finish('h1');
  t.same(f.begun, ['h1', 'h2', 'h3', 'h4'], 'the whole number below 3.6');
  await f.finish('h2', 'h4');
  t.equal(f.begun.length, 4);
  await f.fail('h3');
  t.equal(f.begun.length, 7, 'one that failed of three is let pass');
  await f.fail('h5', 'h6', 'h7');
  const result = await f.result;
  t.same(names(result.skipped), ['h8', 'h9'], 'a batch of which all failed is not');
});

t.test('a batch is one host at least', async (t) => {
  const f = fleet('h[1-3]', { batch: '10%' });
  await settleDown();
  for (const name of ['h1', 'h2', 'h3']) {
    t.equal(f.begun.at(-1), name);
    await f.finish(name);
  }
  t.equal((await f.result).ok.size, 3);
});

t.test('retry calls the function again', async (t) => {
  const calls: string[] = [];
  const run = each(
    'a,b',
    function* (host) {
      calls.push(host.name);
      yield* sleep(0);
      if (host.name === 'b' && calls.filter((name) => name === 'b').length < 3) throw new Error('not yet');
      return calls.length;
    },
    { retry: { count: 2, backoff: 0 } },
  );
  const [result] = await runCommandGens([run]);
  t.equal(result!.ok.size, 2);
  t.same(calls.toSorted(), ['a', 'b', 'b', 'b']);
});

t.test('what can be run again: the whole, a map of hosts, a set', async (t) => {
  let good = false;
  const fn = (host: Host) => (good || host.name !== 'h2' ? value(host.name) : failure(new Error('no')));
  const run = each('h[1-3]', fn);
  const [first] = await runCommandGens([run]);
  t.same(names(first!.failed), ['h2']);
  good = true;
  const [again, all, rest] = await runCommandGens([each(first!.failed, fn), run, each(first!.rest, fn)]);
  t.same(names(again!.ok), ['h2']);
  t.equal([...again!.ok.keys()][0], [...first!.failed.keys()][0], 'the same host');
  t.equal(all!.ok.size, 3);
  t.equal(rest!.ok.size, 1);
});

t.test('one generator object for all hosts runs once, and the others are told', async (t) => {
  const generator = (function* () {
    return 1;
  })();
  const result = await each('a[1-2]', () => generator).run();
  t.same([...result.ok.values()], [1]);
  t.match([...result.failed.values()], [{ name: 'TypeError', message: /this generator was run already/ }]);
});

t.test('no hosts', async (t) => {
  const [result] = await runCommandGens([each([], () => value(1), { batch: '25%', canary: 3, failFast: true })]);
  t.equal(result!.ok.size + result!.outcomes.size + result!.skipped.size, 0);
});

/** Commands on another machine, one after another, that end so. None settles in its own start. */
function elsewhere(ends: readonly (Reason | 'ok')[]) {
  const spawner = { name: 'elsewhere', room: () => Infinity } as Spawner;
  return within({ via: { spec: 'elsewhere', remote: 'elsewhere', spawner: () => spawner } }, function* () {
    for (const end of ends) {
      const command = driven();
      setImmediate(() => (end === 'ok' ? command.finish(1) : command.fail(new RunError({ reason: end }))));
      yield* command.runner;
    }
  });
}

const lost = (sent: 'no' | 'maybe'): Reason => ({ type: 'connection', phase: 'connect', sent });

t.test('unreachable is who was never sent a command', async (t) => {
  const ways: Record<string, (Reason | 'ok')[]> = {
    unreachable: [lost('no')],
    failedLater: ['ok', lost('no')],
    failedLost: [lost('maybe')],
    failedExit: [{ type: 'exit', exitCode: 3 }],
    ok: ['ok', 'ok'],
  };
  const [result] = await runCommandGens([each(Object.keys(ways), (host) => elsewhere(ways[host.name]!))]);
  t.same(names(result!.unreachable), ['unreachable']);
  t.same(names(result!.failed), ['failedLater', 'failedLost', 'failedExit']);
  t.same(names(result!.ok), ['ok']);
});

t.test('tries that were never sent leave a host unreachable', async (t) => {
  const [result] = await runCommandGens([
    each(
      'a',
      function* () {
        yield* elsewhere([lost('no')]);
      },
      { retry: { count: 2, backoff: 0 } },
    ),
  ]);
  t.equal(result!.unreachable.size, 1);
});

t.test('a kill ends all hosts and is the outcome; one of a host is that host’s', async (t) => {
  const f = fleet('h[1-3]', { slots: 2 });
  await settleDown();
  f.loop.find('1.h1')!.kill('the operator');
  await settleDown();
  t.same(f.begun, ['h1', 'h2', 'h3']);
  await f.finish('h2', 'h3');
  const result = await f.result;
  t.match([...result.failed.values()][0], { reason: { type: 'killed', by: 'the operator' } });
  const g = fleet('h[1-3]', { slots: 2 });
  await settleDown();
  g.loop.kill('SIGTERM');
  await t.rejects(g.result, { reason: { type: 'killed', by: 'SIGTERM' } } as never);
  t.same(g.at['h1']!.kills, ['SIGTERM']);
  t.same(g.begun, ['h1', 'h2']);
});

t.test('while it is paused none is begun', async (t) => {
  const f = fleet('h[1-3]', { slots: 1 });
  await settleDown();
  f.loop.pause();
  await f.finish('h1');
  t.same(f.begun, ['h1']);
  f.loop.play();
  await settleDown();
  t.same(f.begun, ['h1', 'h2']);
  await f.finish('h2');
  await f.finish('h3');
  t.equal((await f.result).ok.size, 3);
});

t.test('what is wrong is said at the call', async (t) => {
  const fn = (host: Host) => value(host.name);
  t.throws(() => each('a', 3 as never), { message: /^each: expected a function of a host/ });
  t.throws(() => each(3 as never, fn), TypeError);
  t.throws(() => each('a[', fn), TypeError);
  t.throws(() => each('a', fn, { maxFail: '10' as never }), {
    message: /^each: maxFail is a number of hosts or a part/,
  });
  t.throws(() => each('a', fn, { maxFail: -1 }), TypeError);
  t.throws(() => each('a', fn, { batch: 0 }), TypeError);
  t.throws(() => each('a', fn, { batch: '101%' }), TypeError);
  t.throws(() => each('a', fn, { canary: 1.5 }), { message: /canary is a number of hosts/ });
  t.throws(() => each('a', fn, { slots: 0 }), RangeError);
  t.throws(() => each('a', fn, { forks: 3 } as never), { message: /unknown option forks/ });
});

t.test('whatever the options: each host is told once, no more than the slots at a time', async () => {
  const shares = fc.constantFrom<(number | `${number}%`)[]>(1, 2, 5, '10%', '50%', '100%');
  const options = fc.record(
    {
      slots: fc.integer({ min: 1, max: 8 }),
      failFast: fc.boolean(),
      maxFail: fc.oneof(fc.constant(0), shares),
      canary: fc.integer({ min: 0, max: 5 }),
      batch: shares,
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 20 }), options, async (good, given) => {
      const set = hosts(good.map((_, index) => `h${index}`));
      let now = 0;
      let most = 0;
      const run = each(
        set,
        function* (host) {
          most = Math.max(most, ++now);
          try {
            yield* sleep(Number(host.name.slice(1)) % 3 === 0 ? 0 : 1);
            if (!good[Number(host.name.slice(1))]) throw new Error('no');
          } finally {
            now--;
          }
        },
        given as EachOptions,
      );
      const [result] = await runCommandGens([run]);
      const { ok, failed, unreachable, skipped, outcomes } = result!;
      const told = [...names(ok), ...names(failed), ...names(unreachable), ...names(skipped)];
      const sorted = (list: string[]): string => list.toSorted().join();
      if (sorted(told) !== sorted(set.names)) throw new Error(`told ${told.join()}`);
      if (outcomes.size + skipped.size !== set.size) throw new Error('outcomes');
      if (most > (given.slots ?? 32)) throw new Error(`${most} at once`);
      if (skipped.size > 0 && failed.size === 0) throw new Error('skipped for nothing');
    }),
    { numRuns: 200 },
  );
});

t.test(
  'real hosts: one that is lost after a command has failed, one that refuses is unreachable',
  { skip },
  async (t) => {
    const rig = await startRig({ hosts: 2 });
    t.teardown(() => rig.stop());
    refuses(rig, 'h3');
    const ids: string[] = [];
    const [result] = await runCommandGens(
      [
        each('h[1-3]', async function* (host) {
          const { stdout } = yield* ssh(host, ['echo', host.name], { config: rig.config });
          if (host.name !== 'h2') return stdout;
          await rig.hosts[1]!.stop();
          yield* ssh(host, 'true', { config: rig.config });
          return 'never';
        }),
      ],
      { onEvent: (event) => void (event.type === 'start' && ids.push(event.run)) },
    );
    t.same([...result!.ok.values()], ['h1']);
    t.same(names(result!.failed), ['h2']);
    t.match([...result!.failed.values()][0], { reason: { type: 'connection' } });
    t.same(names(result!.unreachable), ['h3']);
    t.ok(ids.includes('1.h2.2'));
    t.throws(() => result!.orThrow(), { message: /^2 of 3 hosts[^]*\n {2}h2: [^]*\n {2}h3: unreachable: / });
  },
);

t.test(
  'real hosts: whoever had a copy or was ready is not unreachable; who never got ready is',
  { skip },
  async (t) => {
    const rig = await startRig({ hosts: 2 });
    t.teardown(() => rig.stop());
    await silent(rig, 'h3');
    const { config } = rig;
    const result = await each('h[1-3]', function* (host) {
      if (host.name === 'h1') yield* put(host, 'x', 'f', { config });
      else yield* ssh.ready(host, { within: host.name === 'h2' ? '30s' : '300ms', config });
      // It logs in anew, and is refused.
      yield* ssh(host, 'true', { config, user: 'nobody-here' });
    }).run();
    t.same(names(result.failed), ['h1', 'h2']);
    t.same(names(result.unreachable), ['h3']);
    t.match(
      [...result.failed.values(), ...result.unreachable.values()].map((error) => (error as RunError).reason),
      [{ phase: 'auth', sent: 'no' }, { phase: 'auth', sent: 'no' }, { type: 'timeout' }],
    );
  },
);
