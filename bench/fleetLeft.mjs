// What is left on the hosts of commands whose caller has gone: by Ctrl-C, by its limit, by SIGKILL.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, here } from './harness.mjs';
import { alone, hosts, names, on, place, settings } from './fleetHosts.mjs';
import * as ways from './fleetWays.mjs';

/** Processes on each host: the command, one of another process group, and one in the background. */
const EACH = 3;
const command = (seconds) => `sleep ${seconds} & timeout 9999 sleep ${seconds} & sleep ${seconds}`;
/** When it is counted: the time that a command is given to end by itself, and what it may take to notice. */
const BOUND = 5000 + 2000; // ms
const LIMIT = 4; // s

const sleeping = async () => (await ways.askRig(place, 'sleeping')).count;

const script = `
import { runCommandGens, each, ssh } from 'sluice';
const { names, command, settings, limit } = JSON.parse(process.argv.at(-1));
const timeout = limit === 0 ? {} : { timeout: limit + 's' };
await runCommandGens([each(names, function* (host) { yield* ssh(host, command, { ...settings, ...timeout }); }, { slots: ${ways.WIDTH} })]);
`;

/** `limit`: seconds, or 0. */
const sluice = (list, command, limit) => ({
  argv: [
    process.execPath,
    '--input-type=module',
    '-e',
    script,
    JSON.stringify({ names: list, command, settings: settings(), limit }),
  ],
  env: {},
});
const peer =
  ({ words }) =>
  (list, command, limit) =>
    words(place.config, list, command, ways.scratch(), limit);

/** Ends that `how` brings about: processes that are left of it at the bound. */
async function left(start, how) {
  const list = names(hosts.slice(0, ways.WIDTH));
  const before = await sleeping();
  const { argv, env } = start(list, command(place.seconds), how === 'limit' ? LIMIT : 0);
  const child = spawn(argv[0], argv.slice(1), {
    env: { ...process.env, ...env },
    stdio: 'ignore',
    detached: true, // a terminal's Ctrl-C is for all of the group
    cwd: here('..'),
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const until = performance.now() + 20_000;
  while ((await sleeping()) < before + EACH * list.length && performance.now() < until) await sleep(50);
  expect('commands', await sleeping(), before + EACH * list.length);
  if (how === 'Ctrl-C') process.kill(-child.pid, 'SIGINT');
  else if (how === 'SIGKILL') child.kill('SIGKILL');
  else await Promise.race([ended, sleep(LIMIT * 1000)]);
  await sleep(BOUND);
  const count = (await sleeping()) - before;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
  await ways.askRig(place, 'wake');
  return count;
}

const contestant = (name, start, needs) =>
  on(
    name,
    async () => {
      const found = {};
      for (const how of ['Ctrl-C', 'limit', 'SIGKILL']) found[`after ${how}`] = await left(start, how);
      return { value: Object.values(found).reduce((sum, count) => sum + count, 0), ...found };
    },
    { ...alone, ...(needs === undefined ? {} : { needs }) },
  );

/** Those that have a limit for a command. */
const LIMITED = ['pssh', 'pdsh', 'clush'];

export const leavings = [
  contestant('sluice', sluice),
  ...LIMITED.map((name) => contestant(name, peer(ways.programs[name]), ways.programs[name].needs)),
];
