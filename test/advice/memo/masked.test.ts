import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { maskedText } from '../../../lib/advice/memo/masked.ts';
import { task } from '../../../lib/compose/task.ts';
import { within } from '../../../lib/compose/within.ts';
import { masker } from '../../../lib/kernel/secrets.ts';
import { program } from '../../../lib/runners/program.ts';
import { deserialize, serialize } from '../../../lib/store/serialize.ts';
import { registerClass } from '../../../lib/store/classes.ts';
import { retry } from '../../../lib/advice/retry.ts';
import { projectIn, type Project } from './support.ts';

const SECRET = 'hunter"2<\\é\nsecond line';

/** Where in the store anything of the secret stands. */
function leaks(p: Project): string[] {
  const parts = ['hunter', 'second line'];
  const forms = parts.flatMap((part) => [
    part,
    Buffer.from(part).toString('base64').slice(0, -4),
    Buffer.from(part).toString('hex'),
  ]);
  return p.stored().filter((name) => {
    const text = readFileSync(join(p.store, name), 'latin1');
    return forms.some((form) => text.includes(form) || name.includes(form));
  });
}

class Token {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

t.test('nothing of a secret is in the store', async (t) => {
  const p = projectIn(t, { a: '1' });
  registerClass(Token);
  const cause = Object.assign(new Error(`wrong: ${SECRET}`), { token: SECRET });
  const value = (): unknown => ({
    text: SECRET,
    inside: [{ list: [`a ${SECRET} b`] }],
    [SECRET]: 1,
    bytes: Buffer.from(`x${SECRET}x`),
    array: new Uint8Array(Buffer.from(SECRET)),
    buffer: new Uint8Array(Buffer.from(SECRET)).buffer,
    map: new Map<unknown, unknown>([
      [SECRET, { in: Buffer.from(SECRET) }],
      [Buffer.from(SECRET), 1],
    ]),
    set: new Set([SECRET, Buffer.from(SECRET)]),
    error: new Error('outer', { cause }),
    url: new URL(`http://x/?t=hunter`),
    boxed: Object(SECRET) as unknown,
    token: new Token(SECRET),
  });
  const secrets = [SECRET, 'hunter'];
  const steps = [
    task(value).with(
      p.memo({
        key: SECRET,
        inputs: ['a', { x: SECRET }, new Map([[SECRET, 1]]), Buffer.from(SECRET)],
        version: SECRET,
      }),
    ),
    program(['printf', '%s', SECRET], { label: `label ${SECRET}`, env: { TOKEN: SECRET }, stdin: SECRET }).with(
      p.memo(),
    ),
    program(['sh', '-c', 'printf "%s" "$0"', SECRET], { encoding: 'buffer' }).with(p.memo({ keep: true })),
    within(
      { env: { PASSWORD: SECRET } },
      program('printf "%s" "$PASSWORD"; printf "%s" "$PASSWORD" >&2').with(p.memo({ env: ['PASSWORD'] })),
    ),
    program(['printf', '%s\\n', JSON.stringify({ s: SECRET }), encodeURIComponent('hunter')]).with(p.memo(), retry(1)),
    program(['sh', '-c', 'exit 1', SECRET]).with(p.memo({ inputs: ['a'], outputs: ['o'] })),
    program(['sh', '-c', 'echo 1 > hand', SECRET], { label: SECRET }).with(p.memo({ outputs: ['hand'] })),
  ];
  for (const round of ['1', '2']) {
    p.write('a', round);
    for (const step of steps) {
      const { error } = await p.run(step, { secrets });
      if (error !== undefined) t.match(error.reason?.type, /exit/);
      t.same(leaks(p), [], step.label);
    }
  }
  const { value: again, notes } = await p.run(steps[0]!, { secrets });
  t.same(notes, ['unchanged']);
  t.equal(again.text, '***');
  t.ok(readdirSync(p.store).length > 0);
  const odd = await p.run(task(() => /hunter/).with(p.memo({ key: 'odd' })), { secrets });
  t.same(odd.value, /hunter/);
  t.match(odd.notes, [/^not remembered: /]);
  t.same(leaks(p), []);
});

t.test('a value without secrets stays what it is', async (t) => {
  const { text } = masker(['secret']);
  const masked = (value: unknown): string => maskedText(serialize(value), text);
  const given = new Map<unknown, unknown>([[{ a: 1 }, new Set([Buffer.from('x'), -0, NaN, 'sluice', 'Map'])]]);
  const shared = { x: 1 };
  for (const one of [
    given,
    { a: shared, b: shared },
    [undefined, NaN, null],
    undefined,
    1,
    'x',
    new Error('x'),
    /</,
    '<',
    [, 1],
  ])
    t.strictSame(deserialize(masked(one)), one);
  const circle: Record<string, unknown> = {
    s: 'my secret',
    ['secret']: 1,
    bytes: new Uint8Array(Buffer.from('a secret')),
  };
  circle['self'] = circle;
  const copy = deserialize(masked(circle)) as typeof circle;
  t.equal(copy['self'], copy);
  t.equal(copy['s'], 'my ***');
  t.equal(copy['***'], 1);
  t.same(copy['bytes'], new Uint8Array(Buffer.from('a ***')));
});
