import fc from 'fast-check';
import t from 'tap';
import { posixSpawner } from '../../lib/spawn/local.ts';
import { run } from './support.ts';

/** What a program sees of the environment, less the mark of its start. */
async function seen(env?: Record<string, string>): Promise<Record<string, string>> {
  const text = await run(['env', '-0'], env && { env }, posixSpawner).closed;
  const variables = text.split('\0').filter((variable) => variable !== '' && !variable.startsWith('SLUICE_START='));
  return Object.fromEntries(variables.map((variable) => /^([^=]*)=([^]*)$/.exec(variable)!.slice(1, 3)));
}

const name = fc.constantFrom('SLUICE_A', 'SLUICE_B', 'SLUICE_C', 'SLUICE_D', 'SLUICE_E');
const value = fc.string({ unit: 'binary', maxLength: 50 }).map((text) => text.replaceAll('\0', ''));

t.test("Node's own environment is as it is now, however it was changed", async (t) => {
  t.teardown(() => {
    for (const letter of 'ABCDE') delete process.env[`SLUICE_${letter}`];
  });
  const change = fc.record({ name, value: fc.option(value, { freq: 3 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      for (const { name, value } of changes) {
        if (value === null) delete process.env[name];
        else process.env[name] = value;
      }
      t.same(await seen(), { ...process.env }, { diagnostic: false });
    }),
    { numRuns: 40 },
  );
});

t.test('a given environment is as it is given, each time', async (t) => {
  const PATH = process.env['PATH']!;
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 5 }), async (given) => {
      const env = { ...given, PATH };
      t.same(await seen(env), env);
      t.same(await seen(env), env, 'from memory');
    }),
    { numRuns: 20 },
  );
  t.same(await run(['/usr/bin/env'], { env: {}, exactEnv: true }, posixSpawner).closed, '');
});

t.test('an environment in the place of that of Node', async (t) => {
  const own = process.env;
  t.teardown(() => {
    process.env = own;
  });
  process.env = { PATH: own['PATH']!, SLUICE_ONLY: 'this' };
  t.same(await seen(), { PATH: own['PATH'], SLUICE_ONLY: 'this' });
});

t.test('arguments of every kind arrive as they are', async (t) => {
  const word = fc.string({ unit: 'binary', maxLength: 200 }).map((text) => text.replaceAll('\0', ''));
  await fc.assert(
    fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 30 }), async (words) => {
      const text = await run(['printf', '%s\\0', ...words], {}, posixSpawner).closed;
      t.same(text.split('\0').slice(0, -1), words);
    }),
    { numRuns: 30 },
  );
  const long = Array.from({ length: 5000 }, (_, i) => `${i}-`.repeat(4));
  t.equal(await run(['printf', '%s ', ...long], {}, posixSpawner).closed, `${long.join(' ')} `);
});
