import t from 'tap';
import { describe, isRunError, killedError, RunError, toError, type Reason } from '../../lib/kernel/index.ts';

t.test('a RunError', async (t) => {
  t.test('says what ran, why, what to do, the cause and the last lines', async (t) => {
    const cause = new RangeError('deep down');
    const error = new RunError({
      reason: { type: 'exit', exitCode: 2 },
      run: '1.2',
      spec: { type: 'program', command: 'make' },
      label: 'make dist',
      hint: 'look at the log',
      tails: { stdout: 'last of stdout', stderr: 'last of stderr' },
      cause,
      result: { exitCode: 2 },
    });
    t.equal(
      error.message,
      'make dist: failed with exit code 2 (look at the log)\ncause: deep down\nlast of stderr\nlast of stdout',
    );
    t.match(error, {
      name: 'RunError',
      run: '1.2',
      spec: { type: 'program' },
      stdout: 'last of stdout',
      stderr: 'last of stderr',
    });
    t.equal(error.cause, cause);
    t.same(error.result, { exitCode: 2 });
    t.notOk(Object.keys(error).includes('result'), 'captured output is not printed with it');
    t.ok(error instanceof Error);
  });

  t.test('without a loop', async (t) => {
    const error = new RunError({ reason: { type: 'timeout', ms: 5 } });
    t.match(error, { message: 'timed out after 5 ms', run: '', spec: undefined, stdout: '', stderr: '' });
    t.notOk('cause' in error);
  });

  t.test('its message has at most 16,000 characters, the newest of each stream', async (t) => {
    const long = (end: string): string => 'x'.repeat(100_000) + end;
    const error = new RunError({
      reason: { type: 'exit', exitCode: 1 },
      label: long(''),
      hint: long(''),
      cause: new Error(long('')),
      tails: { stdout: long('END OF STDOUT'), stderr: long('END OF STDERR') },
    });
    t.ok(error.message.length <= 16_000, String(error.message.length));
    t.match(error.message, /END OF STDERR/);
    t.match(error.message, /END OF STDOUT/);
    t.match(error.message, /failed with exit code 1/);
  });
});

t.test('every reason in words', async (t) => {
  const reasons: [Reason, string | RegExp][] = [
    [{ type: 'exit', exitCode: 3 }, 'failed with exit code 3'],
    [{ type: 'signal', signal: 'SIGTERM' }, 'was ended by SIGTERM'],
    [{ type: 'spawn', code: 'ENOENT' }, 'could not be started (ENOENT)'],
    [{ type: 'timeout', ms: 10 }, 'timed out after 10 ms'],
    [{ type: 'overflow', stream: 'stdout', limit: 16 }, /longer than 16 bytes to stdout/],
    [{ type: 'connection', phase: 'refused', sent: 'no' }, /refused/],
    [{ type: 'file', path: '/x' }, /\/x/],
    [{ type: 'callback', name: 'onEvent' }, 'onEvent threw'],
    [{ type: 'stream', stream: 'stdin' }, 'stdin failed'],
    [{ type: 'closed' }, 'closed'],
    [{ type: 'reply' }, 'reply'],
    [{ type: 'stale' }, 'stale'],
    [{ type: 'killed', by: 'me' }, 'was killed by me'],
  ];
  for (const [reason, words] of reasons) t.match(describe(reason), words, reason.type);
});

t.test('isRunError with a reason narrows it', async (t) => {
  const caught: unknown = new RunError({ reason: { type: 'exit', exitCode: 3 } });
  const code: number | undefined = isRunError(caught, 'exit') ? caught.reason.exitCode : undefined;
  t.equal(code, 3);
});

t.test('isRunError', async (t) => {
  const error = killedError('me', { label: 'x' });
  t.match(error, { message: 'x: was killed by me', reason: { type: 'killed', by: 'me' } });
  t.ok(isRunError(error));
  t.ok(isRunError(error, 'killed'));
  t.notOk(isRunError(error, 'exit'));
  t.notOk(isRunError(new Error('x')));
  t.notOk(isRunError({ name: 'RunError', reason: { type: 'exit' } }));
  t.notOk(isRunError(undefined));
  const copy = Object.assign(new Error('of another copy'), { name: 'RunError', reason: { type: 'exit', exitCode: 1 } });
  t.ok(isRunError(copy, 'exit'));
});

t.test('toError', async (t) => {
  const error = new TypeError('x');
  t.equal(toError(error), error);
  t.match(toError('text'), { message: 'non-error thrown: text', cause: 'text' });
  t.match(toError(undefined), { message: 'non-error thrown: undefined' });
  t.match(toError(Object.create(null)), { message: /non-error thrown/ });
  t.match(toError({ status: 500 }), { message: 'non-error thrown: { status: 500 }' });
  const get = (): never => {
    throw new Error('it has no text');
  };
  const hostile = new Proxy({ a: 1 }, { get });
  t.equal(toError(hostile).message, 'non-error thrown: { a: 1 }');
  t.match(toError(Symbol('s')), { message: /Symbol\(s\)/ });
});
