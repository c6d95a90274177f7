// A host that is far, one that hangs, and many that have nothing to do.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from './harness.mjs';
import { alone, DELAY, fleet, hosts, names, on, place, settings, within } from './fleetHosts.mjs';
import { memory, unfollowed } from './fleetProcs.mjs';
import * as ways from './fleetWays.mjs';

const { content, DATA, SUM, WIDTH } = ways;
/** To log in to a host. */
export const LIMIT = 3; // s

// --- round trips ------------------------------------------------------------------------------------------------------------

const TIMES = 5;

/** What a machine that has more to do adds is not a round trip: the lowest tells how many there are. */
function middle(found) {
  found.sort((a, b) => a - b);
  return { value: found[TIMES >> 1], 'lowest of five': found[0] };
}

/** Round trips of an action by a connection that is there. The first time is not counted. */
async function trips(action) {
  await action();
  const found = [];
  for (let time = 0; time < TIMES; time++) {
    const at = performance.now();
    await action();
    found.push((performance.now() - at) / DELAY);
  }
  return middle(found);
}

/** The same within a loop. */
function* tripsOf(action) {
  yield* action();
  const found = [];
  for (let time = 0; time < TIMES; time++) {
    const at = performance.now();
    yield* action();
    found.push((performance.now() - at) / DELAY);
  }
  return middle(found);
}

const far = (name, action, more = {}) => on(name, action, { ...alone, ...more });
const farSluice = (name, action) =>
  far(name, () => within((sluice) => tripsOf(() => action(sluice, 'far')), [place.far]));
const farSsh2 = (name, action) =>
  far(name, async () => {
    const client = await ways.connect(place, place.far);
    const found = await trips(() => action(client));
    await ways.close([client]);
    return found;
  });
const farProgram = (name, words) =>
  far(
    name,
    () =>
      ways.withMasters(place, [place.far], (config, folder) => {
        const file = content(folder);
        return trips(() => ways.output(words(config, file)));
      }),
    { missing: unfollowed, needs: 'ssh' },
  );
const target = () => `${place.far.home}/data`;
const copied = () => expect('checksum', createHash('sha256').update(readFileSync(target())).digest('hex'), SUM);

export const farCommands = [
  farSluice('sluice', ({ ssh }, host) => ssh(host, ['true'], settings())),
  farSluice('sluice, lane', ({ ssh }, host) => ssh(host, ['true'], settings({ lane: true }))),
  farSsh2('ssh2', (client) => ways.exec(client, 'true')),
  farProgram('ssh + ControlMaster', (config) => ['ssh', '-F', config, 'far', 'true']),
];

export const farCopies = [
  farSluice('sluice', function* ({ put }, host) {
    yield* put(host, DATA, target(), settings());
    copied();
  }),
  farSsh2('ssh2, cat', async (client) => {
    await ways.exec(client, `cat >'${target()}'`, DATA);
    copied();
  }),
  farProgram('scp + ControlMaster', (config, file) => ['scp', '-q', '-F', config, file, `far:${target()}`]),
  farProgram('ssh cat + ControlMaster', (config, file) => [
    'sh',
    '-c',
    `ssh -F '${config}' far 'cat >"$HOME/data"' <'${file}'`,
  ]),
];

// --- a host that hangs ------------------------------------------------------------------------------------------------------

const bad = () => [place.hangs, ...hosts.slice(1)];
/** Nanoseconds on the hosts, which have the clock of this machine. */
const STAMP = 'date +%s%N';

/** `last`: when the last good host has ended; `told`: when the bad one was told of; in ms since the beginning. */
const hung = (last, told) => ({ value: last / 1000, 'the bad one, behind its limit': told / 1000 - LIMIT });

export const hanging = [
  on(
    'sluice',
    async () => {
      const began = performance.now();
      let [last, told, good] = [0, 0, 0];
      await within(function* ({ each, ssh }) {
        yield* each(
          names(bad()),
          function* (host) {
            try {
              yield* ssh(host, STAMP, { ...settings(), connectTimeout: `${LIMIT}s` });
              last = performance.now() - began;
              good++;
            } catch {
              told = performance.now() - began;
            }
          },
          { slots: WIDTH },
        );
      });
      expect('good hosts', good, hosts.length - 1);
      return hung(last, told);
    },
    alone,
  ),
  on(
    'sluice, none hangs',
    async () => {
      const began = performance.now();
      await within(function* (sluice) {
        yield* fleet(sluice, hosts.slice(1), (host) => sluice.ssh(host, STAMP, settings()));
      });
      return (performance.now() - began) / 1000;
    },
    alone,
  ),
  on(
    'ssh2',
    async () => {
      const began = performance.now();
      let [last, told] = [0, 0];
      await ways.each(bad(), async (host) => {
        try {
          const client = await ways.connect(place, host, { readyTimeout: LIMIT * 1000 });
          await ways.exec(client, STAMP);
          last = performance.now() - began;
          client.end();
        } catch {
          told = performance.now() - began;
        }
      });
      return hung(last, told);
    },
    alone,
  ),
  ...Object.entries(ways.programs).map(([name, { needs, words }]) =>
    on(
      name,
      async () => {
        const folder = ways.scratch();
        const config = join(folder, 'ssh_config');
        writeFileSync(config, `ConnectTimeout ${LIMIT}\nInclude ${place.config}\n`);
        const { argv, env } = words(config, names(bad()), STAMP, folder, LIMIT);
        const [began, at] = [Date.now(), performance.now()];
        const out = await ways.output(argv, { env, any: true });
        const told = performance.now() - at;
        const stamps = out.match(/\b\d{19}\b/g) ?? [];
        expect('good hosts', stamps.length, hosts.length - 1);
        return hung(Math.max(...stamps.map((stamp) => Number(stamp) / 1e6)) - began, told);
      },
      { needs, ...alone },
    ),
  ),
];

// --- memory -----------------------------------------------------------------------------------------------------------------

const settled = () => {
  for (let times = 0; times < 3; times++) globalThis.gc();
  return memory();
};
const held = (before, after, count) => ({
  value: (after.self + after.others - before.self - before.others) / count,
  'of it masters': (after.others - before.others) / count,
});

export const idle = (list) => [
  on(
    'sluice',
    () =>
      within(function* (sluice) {
        const pass = (some) => fleet(sluice, some, (host) => sluice.ssh(host, ['true'], settings()));
        yield* pass(list.slice(0, 1)); // what is loaded by the first is not a connection's
        const before = settled();
        yield* pass(list);
        return held(before, settled(), list.length - 1);
      }),
    { ...alone, node: ['--expose-gc'] },
  ),
  on(
    'ssh2',
    async () => {
      const clients = [await ways.connect(place, list[0])];
      await ways.exec(clients[0], 'true');
      const before = settled();
      await ways.each(list.slice(1), async (host) => {
        const client = await ways.connect(place, host);
        await ways.exec(client, 'true');
        clients.push(client);
      });
      const found = held(before, settled(), list.length - 1);
      await ways.close(clients);
      return found;
    },
    { ...alone, node: ['--expose-gc'] },
  ),
  on(
    'ssh -M',
    () =>
      ways.withMasters(place, list.slice(0, 1), async (config) => {
        const before = settled();
        await ways.startMasters(config, list.slice(1));
        const masters = (settled().others - before.others) / (list.length - 1);
        return { value: masters, 'of it masters': masters };
      }),
    { ...alone, missing: unfollowed, needs: 'ssh', node: ['--expose-gc'] },
  ),
];
