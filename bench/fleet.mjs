// Many hosts by ssh: one command on each, a provisioning job, a line with 100 ms of round trip, a host that hangs, and the
// memory of idle connections. The hosts are real sshds on this machine, in processes of another's than the contestant.
//   node bench/fleet.mjs [--large] [--hosts N]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bench, expect, here, inPath } from './harness.mjs';
import { adopt, begin, memory, unfollowed } from './fleetProcs.mjs';
import * as ways from './fleetWays.mjs';

const { DATA, STEPS, SUM, WIDTH } = ways;
/** There and back. */
const DELAY = 100; // ms
const LIMIT = 3; // s, to log in to a host

// --- the hosts --------------------------------------------------------------------------------------------------------------

const { values: flags } = parseArgs({
  strict: false,
  options: { run: { type: 'string' }, large: { type: 'boolean' }, hosts: { type: 'string' } },
});
/** What keeps the bench from running at all. */
const missing = ['ssh', '/usr/sbin/sshd'].every((program) =>
  program.startsWith('/') ? existsSync(program) : inPath(program),
)
  ? undefined
  : 'no sshd here';
const asked = { hosts: Number(flags.hosts ?? 50), large: flags.large === true };
let rig;
if (flags.run === undefined && missing === undefined) rig = await startRig();
const place = JSON.parse(process.env.SLUICE_BENCH_FLEET ?? 'null') ?? { hosts: [], far: {}, hangs: {}, ...asked };
const hosts = place.hosts.slice(0, place.few);

/** The rig in a process of its own; the contestants' processes are told of it. */
async function startRig() {
  const register = here('../dist/lib/cli/load/register.js');
  const given = JSON.stringify({ hosts: asked.large ? Math.max(200, asked.hosts) : asked.hosts, delay: DELAY });
  const child = spawn(process.execPath, ['--import', register, here('fleetRig.mjs'), given], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk;
    if (text.endsWith('\n')) break;
  }
  if (text === '') throw new Error('the hosts did not start');
  process.env.SLUICE_BENCH_FLEET = JSON.stringify({ ...JSON.parse(text), few: asked.hosts, large: asked.large });
  return child;
}

async function stopRig() {
  const over = new Promise((resolve) => rig.once('close', resolve));
  rig.stdin.end();
  await over;
}

// --- how --------------------------------------------------------------------------------------------------------------------

/** A contestant: it begins when the hosts have nothing to do, and what they had to do for it is told too. */
const on = (name, run, more = {}) => ({
  name,
  ...more,
  missing: missing ?? more.missing,
  async run() {
    const before = await ways.askRig(place, 'quiet');
    const figures = await run();
    const after = await ways.askRig(place, 'quiet');
    return 'server' in more ? figures : { ...figures, 'server CPU': (after.cpu - before.cpu) / 1000 };
  },
});
/** Of a section where what is measured is not all that runs. */
const alone = { server: false };

const settings = () => ({ config: place.config, kex: 'classical' });
const names = (list) => list.map(({ name }) => name);

/** `body(sluice, list)`: a generator function, in a loop of its own. */
async function within(body, list = hosts) {
  const sluice = await import('sluice');
  const [result] = await sluice.runCommandGens([() => body(sluice, list)]);
  return result;
}

/** `fn(host)` on each, which must all succeed. */
function* fleet({ each }, list, fn) {
  const result = yield* each(names(list), fn, { slots: WIDTH });
  for (const [host, error] of [...result.failed, ...result.unreachable])
    throw new Error(`${host.name}: ${error.message}`);
  expect('hosts', result.ok.size, list.length);
}

/** A program of many hosts. */
const program = (name, { needs, words }) =>
  on(
    name,
    async () => {
      const { argv, env } = words(place.config, names(hosts), 'true', ways.scratch());
      const spent = begin({ self: false });
      await ways.output(argv, { env });
      return spent();
    },
    { needs },
  );

/** The same over connections that are there. */
const multiplexed = (name, { needs, words }) =>
  on(
    `${name} + ControlMaster`,
    () =>
      ways.withMasters(place, hosts, async (config, folder) => {
        const { argv, env } = words(config, names(hosts), 'true', folder);
        const spent = begin({ self: false });
        await ways.output(argv, { env });
        return spent();
      }),
    { ...alone, needs, missing: unfollowed },
  );

const programs = (make) => Object.entries(ways.programs).map(([name, way]) => make(name, way));

// --- one command ------------------------------------------------------------------------------------------------------------

const cold = [
  on('ssh2', async () => {
    const spent = begin({ self: true });
    await ways.each(hosts, async (host) => {
      const client = await ways.connect(place, host);
      await ways.exec(client, 'true');
      await ways.close([client]);
    });
    return spent();
  }),
  on('sluice', async () => {
    const spent = begin({ self: true });
    await within(function* (sluice, list) {
      yield* fleet(sluice, list, (host) => sluice.ssh(host, ['true'], settings()));
    });
    return spent();
  }),
  ...programs(program),
];

const warm = [
  on(
    'ssh2',
    async () => {
      const clients = [];
      await ways.each(hosts, async (host) => clients.push(await ways.connect(place, host)));
      const pass = () => ways.each(clients, (client) => ways.exec(client, 'true'));
      await pass();
      const spent = begin({ self: true });
      await pass();
      const figures = spent();
      await ways.close(clients);
      return figures;
    },
    alone,
  ),
  on(
    'sluice',
    () =>
      within(function* (sluice, list) {
        const pass = () => fleet(sluice, list, (host) => sluice.ssh(host, ['true'], settings()));
        yield* pass();
        const spent = begin({ self: true });
        yield* pass();
        return spent();
      }),
    alone,
  ),
  ...programs(multiplexed),
];

/** The file that is copied. */
function content(folder) {
  const path = join(folder, 'content');
  writeFileSync(path, DATA);
  return path;
}

// --- the job ----------------------------------------------------------------------------------------------------------------

/** `first(sluice, host)`: what opens the connection. */
const job = (first, list) => () => {
  const spent = begin({ self: true });
  return within(function* (sluice) {
    const { put, ssh } = sluice;
    const homes = new Map(list.map(({ name, home }) => [name, home]));
    yield* fleet(sluice, list, function* (host) {
      yield* first(sluice, host);
      yield* put(host, DATA, `${homes.get(host.name)}/data`, settings());
      for (const step of STEPS) yield* ssh(host, step, settings());
      const { stdout } = yield* ssh(host, 'sha256sum <"$HOME/data"', settings());
      expect('checksum', stdout.split(' ')[0], SUM);
    });
  }).then(spent);
};

const jobs = (list) => [
  on('ssh2', async () => {
    const spent = begin({ self: true });
    await ways.each(list, async (host) => {
      const client = await ways.connect(place, host);
      await ways.exec(client, 'true');
      await ways.exec(client, 'cat >"$HOME/data"', DATA);
      for (const step of STEPS) await ways.exec(client, step);
      const found = await ways.exec(client, 'sha256sum <"$HOME/data"');
      expect('checksum', found.split(' ')[0], SUM);
      await ways.close([client]);
    });
    return spent();
  }),
  on(
    'sluice',
    job(({ ready }, host) => ready(host, settings()), list),
  ),
  on(
    'sluice without ready()',
    job(({ ssh }, host) => ssh(host, ['true'], settings()), list),
  ),
  on(
    'bash + ControlMaster',
    async () => {
      adopt(); // before it is measured what has been adopted
      const spent = begin({ self: false });
      await ways.withMasters(place, [], async (config, folder) => {
        const argv = ['bash', '-c', ways.BASH_JOB, 'bash', config, content(folder), SUM, String(WIDTH), ...names(list)];
        await ways.output(argv);
      });
      return spent();
    },
    { needs: 'bash', missing: unfollowed },
  ),
];

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
const farSluice = (action) =>
  far('sluice', () => within((sluice) => tripsOf(() => action(sluice, 'far')), [place.far]));
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

const farCommands = [
  farSluice(({ ssh }, host) => ssh(host, ['true'], settings())),
  farSsh2('ssh2', (client) => ways.exec(client, 'true')),
  farProgram('ssh + ControlMaster', (config) => ['ssh', '-F', config, 'far', 'true']),
];

const farCopies = [
  farSluice(function* ({ put }, host) {
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

const hanging = [
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
        const config = join(folder, 'config');
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

const idle = (list) => [
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

// --- what is to be reached --------------------------------------------------------------------------------------------------

/** A figure of sluice's at most `factor` × that of another. */
const atMost = (name, factor, figure, text = `${figure} at most`) => ({
  text: `${text} ${factor} × ${name}`,
  test({ of, ratio }) {
    // Within a round where the harness can tell.
    const found = figure === 'wall' ? 1 / ratio(name, 'sluice') : of('sluice', figure) / of(name, figure);
    return { met: found <= factor, figure: `${found.toFixed(2)} ×` };
  },
});

/** A figure at most so much. */
const below = (most, unit, figure = 'value', text = `sluice at most ${most} ${unit}`) => ({
  text,
  test({ of }) {
    const found = of('sluice', figure);
    return { met: found <= most, figure: `${found.toFixed(2)} ${unit}` };
  },
});

/** Both ends have something to do too, in round trips: less than one. */
const BESIDE = 0.5;

const jobGoals = [
  atMost('ssh2', 1.3, 'wall'),
  atMost('bash + ControlMaster', 1, 'wall'),
  atMost('bash + ControlMaster', 1, 'client CPU'),
];

const many = hosts.length || asked.hosts;
const all = place.hosts.length;
const large = place.large
  ? [
      {
        title: `b. the same on ${all} hosts`,
        unit: 's',
        better: 'lower',
        contestants: jobs(place.hosts),
        goals: jobGoals,
      },
      {
        title: `e. memory of an idle connection, ${all} of them`,
        unit: 'kB',
        better: 'lower',
        contestants: idle(place.hosts),
      },
    ]
  : [];

try {
  await bench(`fleet: ${many} hosts, ${WIDTH} at a time`, [
    {
      title: `a. cold: \`true\` on ${many} hosts, from nothing to all connections closed`,
      unit: 's',
      better: 'lower',
      contestants: cold,
      goals: [atMost('ssh2', 1.5, 'wall')],
    },
    {
      title: `a. warm: \`true\` on ${many} hosts whose connections are there`,
      unit: 's',
      better: 'lower',
      contestants: warm,
      goals: [atMost('pssh + ControlMaster', 0.25, 'client CPU')],
    },
    {
      title: `b. provisioning ${many} hosts: ready, copy 100 kB, ${STEPS.length} commands in sequence, verify`,
      unit: 's',
      better: 'lower',
      contestants: jobs(hosts),
      goals: jobGoals,
    },
    {
      title: `c. a warm command, ${DELAY} ms there and back`,
      unit: 'round trips',
      better: 'lower',
      contestants: farCommands,
      goals: [below(2 + BESIDE, 'round trips', 'lowest of five', 'sluice at most 2 round trips')],
    },
    {
      title: `c. a copy of 100 kB, ${DELAY} ms there and back`,
      unit: 'round trips',
      better: 'lower',
      contestants: farCopies,
      goals: [below(3 + BESIDE, 'round trips', 'lowest of five', 'sluice at most 3 round trips')],
    },
    {
      title: `d. one of ${many} hosts accepts and says nothing: when the other ${many - 1} are done`,
      unit: 's',
      better: 'lower',
      contestants: hanging,
      goals: [
        {
          text: 'the others at most 1.2 × as long as without it',
          test({ ratio }) {
            const found = 1 / ratio('sluice, none hangs', 'sluice');
            return { met: found <= 1.2, figure: `${found.toFixed(2)} ×` };
          },
        },
        below(1, 's', 'the bad one, behind its limit', `the bad one told of within its limit of ${LIMIT} s and 1 s`),
      ],
    },
    {
      title: `e. memory of an idle connection, ${many} of them`,
      unit: 'kB',
      better: 'lower',
      contestants: idle(hosts),
    },
    ...large,
  ]);
} finally {
  if (rig !== undefined) await stopRig();
}
