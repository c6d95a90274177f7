import { inspect } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { masker } from '../../lib/kernel/secrets.ts';

t.test('text', async (t) => {
  const { text } = masker(['hunter2!', 'token-1234', 'token-12345678']);
  t.equal(text('a hunter2! b hunter2!'), 'a *** b ***');
  t.equal(text('token-12345678 token-1234'), '*** ***', 'the longest first');
  t.equal(text('nothing here'), 'nothing here');
  t.equal(text(''), '');
});

t.test('characters that mean something in patterns', async (t) => {
  const secret = '$a.b*c+(d)[e]{f}|g\\h^i?';
  t.equal(masker([secret]).text(`<${secret}>`), '<***>');
  t.equal(masker([secret]).text('$aXbbc'), '$aXbbc');
});

t.test('quoted for a shell, in JSON, over lines', async (t) => {
  const { text } = masker([`it's "se\ncret`]);
  t.equal(text(`echo 'it'\\''s "se' x`), `echo '***' x`);
  t.equal(text(JSON.stringify(`it's "se\ncret`)), '"***"');
  t.equal(text('cret'), '***', 'each line of 4 characters and more');
});

t.test('json: in values and in keys, of any depth', async (t) => {
  const secrets = masker(['s3cr3t']);
  t.same(secrets.value({ a: ['x s3cr3t', 1, null, { s3cr3t: true }] }), { a: ['x ***', 1, null, { '***': true }] });
  t.same(secrets.value({ type: 'program', command: ['curl', '-H', 'Auth: s3cr3t'] }), {
    type: 'program',
    command: ['curl', '-H', 'Auth: ***'],
  });
});

t.test('a loop in a loop has the secrets of both', async (t) => {
  const inner = masker(['inner-secret'], masker(['outer-secret']));
  t.equal(inner.text('inner-secret outer-secret'), '*** ***');
  t.equal(masker(undefined, inner), inner);
  t.equal(masker([], inner), inner);
  t.equal(inner.overhang('x outer-se'), 8);
});

t.test('without secrets nothing is done', async (t) => {
  const none = masker(undefined);
  const spec = { type: 'x' };
  t.equal(none.text('as it is'), 'as it is');
  t.equal(none.value(spec), spec);
  t.equal(none.overhang('abc'), 0);
});

t.test('a secret that is a part of another, in whichever of two loops, leaves nothing of it', async (t) => {
  for (const [outer, inner] of [
    ['the whole token', 'whole'],
    ['whole', 'the whole token'],
  ] as const) {
    const { text, overhang } = masker([inner], masker([outer]));
    t.equal(text('it is the whole token, on the whole'), 'it is ***, on the ***');
    t.equal(overhang('it is the whole tok'), 'the whole tok'.length);
  }
});

t.test('too short, or no string: a TypeError that says which, and not what', async (t) => {
  t.throws(() => masker(['long enough', 'abc']), { name: 'TypeError', message: /^secrets\[1\]: .*at least 4/ });
  t.throws(() => masker([5 as never]), { name: 'TypeError' });
  t.notMatch(
    String(
      await Promise.resolve()
        .then(() => masker(['abc']))
        .catch(String),
    ),
    /abc/,
  );
});

t.test('overhang: what an unfinished text has to hold back', async (t) => {
  const { overhang } = masker(['abcabx', 'cabq']);
  t.equal(overhang('zzab'), 2);
  t.equal(overhang('zabcab'), 5);
  t.equal(overhang('abcabx'), 0);
  t.equal(overhang(''), 0);
  fc.assert(
    fc.property(
      fc.string({ minLength: 4, maxLength: 12 }),
      fc.string(),
      fc.string(),
      fc.nat(),
      (secret, before, after, at) => {
        fc.pre(!/[\r\n'"\\]/.test(secret));
        const whole = before + secret + after;
        const cut = at % (whole.length + 1);
        const mask = masker([secret]);
        const held = mask.overhang(whole.slice(0, cut));
        const shown = mask.text(whole.slice(0, cut - held)) + mask.text(whole.slice(cut - held));
        // Held back like this a secret is never shown in two halves.
        return (
          !shown.includes(secret) ||
          secret.includes('*') ||
          mask.text(whole) === shown ||
          !mask.text(shown).includes(secret)
        );
      },
    ),
  );
});

t.test('in errors, Maps and Sets too; what has none stays itself', async (t) => {
  const { value } = masker(['s3cr3t']);
  class Mine extends RangeError {
    readonly code = 'at s3cr3t';
  }
  const cause = new Error('no, s3cr3t!');
  const error = new Mine('bad s3cr3t', { cause });
  const masked = value(error);
  t.ok(masked instanceof Mine);
  t.equal(masked.message, 'bad ***');
  t.equal(masked.code, 'at ***');
  t.equal((masked.cause as Error).message, 'no, ***!');
  t.notMatch(inspect(masked, { showHidden: true }), /s3cr3t/);
  t.equal(error.message, 'bad s3cr3t', 'the error itself is as it was');
  t.equal(value({ error }).error, masked, 'the same copy, wherever');
  const plain = new AggregateError([new Error('b')], 'a', { cause: { list: [1, NaN, { x: 'y' }] } });
  t.equal(value(plain), plain);
  t.notMatch(inspect(value(new AggregateError([error], 'several'))), /s3cr3t/);
  t.same(value(new Map([['k', new Set(['a s3cr3t'])]])), new Map([['k', new Set(['a ***'])]]));
  const circle: Record<string, unknown> = { a: 's3cr3t' };
  circle['self'] = circle;
  t.notMatch(inspect(value(circle)), /s3cr3t/);
});

t.test('what can not be read is not, and costs the rest nothing', async (t) => {
  const { value } = masker(['s3cr3t']);
  const given = {
    a: 's3cr3t',
    get b(): string {
      throw new Error('not now');
    },
  };
  t.same(value(given), { a: '***', b: '[Error: not now]' });
  const error = Object.assign(new Error('bad s3cr3t'), { given });
  t.match(value(error), { message: 'bad ***', given: { a: '***' } });
});

t.test('outcomes: errors are masked, values are results', async (t) => {
  const { outcome } = masker(['s3cr3t']);
  t.same(outcome({ type: 'finished', value: 's3cr3t' }), { type: 'finished', value: 's3cr3t' });
  t.match(outcome({ type: 'failed', error: new Error('s3cr3t') }), { error: { message: '***' } });
  t.match(outcome({ type: 'killed', by: 'a s3cr3t', cause: new Error('s3cr3t') }), {
    by: 'a ***',
    cause: { message: '***' },
  });
});
