import t from 'tap';
import { hosts } from '../../lib/fleet/hosts.ts';
import { FleetResult, type HostEnd } from '../../lib/fleet/result.ts';
import { killedError, RunError } from '../../lib/kernel/index.ts';

/** A result of hosts by expression: what those of one entry gave, or why they failed; undefined: never begun. */
function resultOf(ends: Record<string, HostEnd<unknown> | undefined>): FleetResult<unknown> {
  return new FleetResult(
    Object.entries(ends).flatMap(([expression, end]) => [...hosts(expression)].map((host) => [host, end] as const)),
  );
}

const ok = (value: unknown): HostEnd<unknown> => ({ outcome: { type: 'finished', value } });
const failed = (error: Error, reached = true): HostEnd<unknown> => ({
  outcome: { type: 'failed', error },
  error,
  reached,
});
const killed = (by: string): HostEnd<unknown> => ({
  outcome: { type: 'killed', by },
  error: killedError(by),
  reached: true,
});
const exit = (exitCode: number, stderr = ''): RunError =>
  new RunError({ reason: { type: 'exit', exitCode }, label: 'make', tails: { stderr } });
const refused = new RunError({ reason: { type: 'connection', phase: 'connect', sent: 'no' }, label: 'make' });
const program = (stdout: string, ms: number) => ({ exitCode: 0, signal: undefined, stdout, stderr: '', ms, host: ms });

t.test('every host is in exactly one place', (t) => {
  const result = resultOf({
    a1: ok(1),
    b1: failed(exit(3)),
    c1: failed(refused, false),
    d1: undefined,
    e1: killed('x'),
  });
  t.same([...result.ok.values()], [1]);
  t.same(
    [...result.failed.keys()].map(({ name }) => name),
    ['b1', 'e1'],
  );
  t.same(
    [...result.unreachable.keys()].map(({ name }) => name),
    ['c1'],
  );
  t.equal(String(result.skipped), 'd1');
  t.equal(result.outcomes.size, 4);
  t.equal(String(result.rest), 'b1,e1,c1,d1');
  t.same(Object.keys(result.toJSON()), ['ok', 'failed', 'unreachable', 'skipped']);
  t.match(result.toJSON(), { ok: { a1: 1 }, unreachable: { c1: { reason: refused.reason } }, skipped: ['d1'] });
  t.match(JSON.parse(JSON.stringify(result)), {
    failed: { b1: { name: 'Error', message: /./ } },
    unreachable: { c1: { name: 'RunError', message: refused.message, reason: { type: 'connection' } } },
  });
  t.end();
});

t.test('orThrow gives what is ok, or one error that names the hosts by range', (t) => {
  const all = resultOf({ 'web[1-3]': ok('x') });
  t.equal(all.orThrow(), all.ok);
  t.equal(resultOf({}).orThrow().size, 0);
  const some = resultOf({
    'web[01-37]': ok('x'),
    'web[38,40]': failed(exit(3, 'one line')),
    web39: failed(new TypeError('odd')),
    'db[1-2]': failed(refused, false),
    'db[3-9]': undefined,
  });
  t.throws(() => some.orThrow(), {
    name: 'AggregateError',
    message:
      '12 of 49 hosts have not succeeded:\n' +
      '  web[38,40]: make: failed with exit code 3\n' +
      '  web39: odd\n' +
      '  db[1-2]: unreachable: make: connection failed: connect\n' +
      '  db[3-9]: not begun',
  });
  try {
    some.orThrow();
  } catch (error) {
    t.equal((error as AggregateError).errors.length, 5);
  }
  t.throws(() => resultOf({ a: ok(1), b: undefined }).orThrow(), { message: /b: not begun/ });
  t.end();
});

t.test('fold groups those that ended alike, the largest group first', (t) => {
  const result = resultOf({
    h1: ok(program('6.1\n', 12)),
    'h[2-3]': ok(program('6.8\n', 13)),
    h4: ok(program('6.8\n', 20)),
    'h[5-6]': failed(exit(3, 'same')),
    h7: failed(exit(3, 'other')),
    h8: failed(exit(4, 'same')),
    h9: killed('failFast'),
    h10: failed(new TypeError('odd')),
    h11: undefined,
  });
  t.same(
    result.fold().map((group) => String(group.hosts)),
    ['h[2-4]', 'h[5-6]', 'h1', 'h7', 'h8', 'h9', 'h10'],
  );
  t.match(result.fold()[0]!.outcome, { type: 'finished', value: { stdout: '6.8\n' } });
  t.same(
    result.fold((value) => (value as { ms: number }).ms > 15).map((group) => String(group.hosts)),
    ['h[1-3]', 'h[5-6]', 'h4', 'h7', 'h8', 'h9', 'h10'],
  );
  t.end();
});

t.test('fold compares values as they look', (t) => {
  const of = (...values: unknown[]): number =>
    resultOf(Object.fromEntries(values.map((value, index) => [`h${index}`, ok(value)]))).fold().length;
  t.equal(of({ a: 1, b: [2] }, { b: [2], a: 1 }), 1, 'the order of fields is none');
  t.equal(of('1', 1), 2);
  t.equal(of(undefined, null, ''), 3);
  t.equal(of(new Map([['a', 1]]), new Map([['a', 2]])), 2);
  t.equal(of([1, 2], [2, 1]), 2);
  t.equal(of('x'.repeat(1e5), `${'x'.repeat(1e5)}y`), 2, 'long ones too');
  const bytes = (text: string) => ({ ...program('', 1), stdout: Buffer.from(text.repeat(1000)) });
  t.equal(of(bytes('a'), bytes('a'), bytes('b')), 2, 'and bytes');
  t.end();
});
