// One command on each host, and a provisioning job.
import { expect } from './harness.mjs';
import { alone, fleet, hosts, names, on, place, settings, within } from './fleetHosts.mjs';
import { adopt, begin, unfollowed } from './fleetProcs.mjs';
import * as ways from './fleetWays.mjs';

const { content, DATA, STEPS, SUM, WIDTH } = ways;

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

export const cold = [
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

const warmSluice = (name, more) =>
  on(
    name,
    () =>
      within(function* (sluice, list) {
        const pass = () => fleet(sluice, list, (host) => sluice.ssh(host, ['true'], settings(more)));
        yield* pass();
        const spent = begin({ self: true });
        yield* pass();
        return spent();
      }),
    alone,
  );

export const warm = [
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
  warmSluice('sluice'),
  warmSluice('sluice, lane', { lane: true }),
  ...programs(multiplexed),
];

// --- the job ----------------------------------------------------------------------------------------------------------------

/** `first(sluice, host)`: what opens the connection. */
const job = (first, list, more) => () => {
  const spent = begin({ self: true });
  return within(function* (sluice) {
    const { put, ssh } = sluice;
    const homes = new Map(list.map(({ name, home }) => [name, home]));
    yield* fleet(sluice, list, function* (host) {
      yield* first(sluice, host, settings(more));
      yield* put(host, DATA, `${homes.get(host.name)}/data`, settings(more));
      for (const step of STEPS) yield* ssh(host, step, settings(more));
      const { stdout } = yield* ssh(host, 'sha256sum <"$HOME/data"', settings(more));
      expect('checksum', stdout.split(' ')[0], SUM);
    });
  }).then(spent);
};

export const jobs = (list) => [
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
    job(({ ready }, ...to) => ready(...to), list),
  ),
  on(
    'sluice without ready()',
    job(({ ssh }, host, to) => ssh(host, ['true'], to), list),
  ),
  on(
    'sluice, lane',
    job(({ ready }, ...to) => ready(...to), list, { lane: true }),
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

/** The same by Ansible, which takes too long to be among the others. */
export const played = [
  on(
    'sluice',
    job(({ ready }, ...to) => ready(...to), hosts),
  ),
  on(
    'Ansible, tuned',
    async () => {
      adopt();
      const spent = begin({ self: false });
      await ways.withMasters(place, [], async (config, folder) => {
        const { argv, env } = ways.playbook(config, names(hosts), folder);
        await ways.output(argv, { env });
      });
      return spent();
    },
    { needs: 'ansible-playbook', missing: unfollowed },
  ),
];
