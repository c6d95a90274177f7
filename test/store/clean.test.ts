import { existsSync, linkSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { clean } from '../../lib/store/clean.ts';
import { release, take } from '../../lib/store/locks.ts';
import { Store } from '../../lib/store/store.ts';

const DAY = 86_400_000;
const warn = (): void => {};

/** A store with contents a, bb, … of 1,000 bytes each, used so many days ago. */
function rig(folder: string, days: readonly number[]): { readonly store: Store; readonly digests: string[] } {
  const store = new Store(join(folder, '.sluice'));
  const digests = days.map((day, index) => {
    const digest = store.contents.putText(String(index).repeat(1000).slice(0, 1000));
    age(store.contents.path(digest), day);
    return digest;
  });
  return { store, digests };
}

function age(path: string, days: number): void {
  const at = (Date.now() - days * DAY) / 1000;
  utimesSync(path, at, at);
}

t.test('what is older goes, whatever it is', async (t) => {
  const { store, digests } = rig(t.testdir(), [1, 40, 3]);
  store.write('steps', 'old', 1, warn);
  store.write('steps', 'new', 1, warn);
  store.write('labels', 'old', 1, warn);
  for (const kind of ['steps', 'labels'] as const) age(store.path(kind, 'old'), 31);
  const failed = store.path('failed', 'a');
  mkdirSync(join(failed, 'x'), { recursive: true });
  writeFileSync(join(failed, 'x', 'y'), 'z');
  age(failed, 31);
  const before = readdirSync(store.folder, { recursive: true }).sort();
  const would = clean(store, { older: 30 * DAY, dryRun: true });
  t.same(readdirSync(store.folder, { recursive: true }).sort(), before, 'a dry run deletes nothing');
  const did = clean(store, { older: 30 * DAY });
  t.same(did, would);
  t.equal(did.deleted, 4);
  t.ok(did.freed >= 1000);
  t.equal(did.left, 3);
  t.equal(store.contents.getText(digests[1]!, warn), undefined);
  t.ok(store.contents.getText(digests[0]!, warn));
  t.equal(store.read('steps', 'old', warn), undefined);
  t.equal(store.read('steps', 'new', warn), 1);
  t.notOk(existsSync(failed));
  t.same(clean(store, { older: 30 * DAY }).deleted, 0);
});

t.test('what was used longest ago goes, until the rest is small enough', async (t) => {
  const { store, digests } = rig(t.testdir(), [5, 1, 9, 3]);
  const there = (): boolean[] => digests.map((digest) => existsSync(store.contents.path(digest)));
  t.equal(clean(store, { larger: 4000 }).deleted, 0);
  t.match(clean(store, { larger: 2500 }), { deleted: 2, freed: 2000, left: 2, size: 2000 });
  t.same(there(), [false, true, false, true]);
  t.match(clean(store, { larger: 0 }), { deleted: 2, left: 0, size: 0 });
  t.same(there(), [false, false, false, false]);
});

t.test('a hit keeps what it uses', async (t) => {
  const { store, digests } = rig(t.testdir(), [40, 40]);
  store.contents.putText(store.contents.getText(digests[0]!, warn)!);
  clean(store, { older: 30 * DAY });
  t.same(
    digests.map((digest) => store.contents.getText(digest, warn) !== undefined),
    [true, false],
  );
});

t.test('what a crash left is cleared up when it is surely nobody’s; locks stay', async (t) => {
  const { store } = rig(t.testdir(), []);
  store.make();
  const tmp = (name: string): string => join(store.folder, 'tmp', name);
  for (const name of ['old', 'new']) writeFileSync(tmp(name), '');
  age(tmp('old'), 1);
  const lock = store.path('locks', 'a'.repeat(64));
  t.equal(take(lock, {}), undefined);
  t.teardown(() => release(lock));
  const own = readdirSync(dirname(lock)).find((name) => name.endsWith('.owner'))!;
  age(lock, 1);
  const at = (name: string): string => join(dirname(lock), name);
  for (const name of ['dead.owner', 'x.0123.claim', 'x.next', 'foreign']) {
    writeFileSync(at(name), '');
    age(at(name), 1);
  }
  writeFileSync(at('living.owner'), '');
  writeFileSync(at('holder.owner'), '');
  linkSync(at('holder.owner'), at('held'));
  age(at('held'), 1);
  t.match(clean(store, {}), { deleted: 4, left: 0 });
  t.same(readdirSync(join(store.folder, 'tmp')), ['new']);
  t.same(
    readdirSync(dirname(lock)).sort(),
    [own, 'a'.repeat(64), 'foreign', 'held', 'holder.owner', 'living.owner'].sort(),
  );
});

t.test('a store that is not there', async (t) => {
  const store = new Store(join(t.testdir(), 'none'));
  t.same(clean(store, { older: 0, larger: 0 }), { deleted: 0, freed: 0, left: 0, size: 0 });
  t.equal(statSync(store.folder, { throwIfNoEntry: false }), undefined);
});
