import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const bench = fileURLToPath(new URL('../../bench/store.mjs', import.meta.url));

t.test('two processes put and get, one is killed again and again: no damaged hit', async (t) => {
  const { stdout, stderr } = spawnSync(process.execPath, [bench, '--ops', '400', '--kills', '6', '--json'], {
    encoding: 'utf8',
  });
  t.equal(stderr, '');
  const results = JSON.parse(stdout) as (Record<string, number> & { title: string; failures: string[] })[];
  t.equal(results.length, 2);
  for (const { title, kills, hits, damaged, failures, gets } of results) {
    t.same(failures, [], title);
    t.equal(damaged, 0, title);
    t.ok(kills! >= 6 && hits! > 10 && gets! >= 190, `${title}: ${kills} kills, ${gets} gets, ${hits} hits`);
  }
});
