// The hosts of the fleet bench, and what all of its contestants do alike.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { expect, here, inPath } from './harness.mjs';
import { askRig, WIDTH } from './fleetWays.mjs';

/** There and back, to the host named far. */
export const DELAY = 100; // ms

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
export const asked = { hosts: Number(flags.hosts ?? 50), large: flags.large === true };
let rig;
if (flags.run === undefined && missing === undefined) rig = await startRig();
export const place = JSON.parse(process.env.SLUICE_BENCH_FLEET ?? 'null') ?? {
  hosts: [],
  far: {},
  hangs: {},
  ...asked,
};
export const hosts = place.hosts.slice(0, place.few);

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

export async function stopRig() {
  if (rig === undefined) return;
  const over = new Promise((resolve) => rig.once('close', resolve));
  rig.stdin.end();
  await over;
}

// --- how --------------------------------------------------------------------------------------------------------------------

/** A contestant: it begins when the hosts have nothing to do, and what they had to do for it is told too. */
export const on = (name, run, more = {}) => ({
  name,
  ...more,
  missing: missing ?? more.missing,
  async run() {
    const before = await askRig(place, 'quiet');
    const figures = await run();
    const after = await askRig(place, 'quiet');
    return 'server' in more ? figures : { ...figures, 'server CPU': (after.cpu - before.cpu) / 1000 };
  },
});
/** Of a section where what is measured is not all that runs. */
export const alone = { server: false };

export const settings = (more) => ({ config: place.config, kex: 'classical', ...more });
export const names = (list) => list.map(({ name }) => name);

/** `body(sluice, list)`: a generator function, in a loop of its own. */
export async function within(body, list = hosts) {
  const sluice = await import('sluice');
  const [result] = await sluice.runCommandGens([() => body(sluice, list)]);
  return result;
}

/** `fn(host)` on each, which must all succeed. */
export function* fleet({ each }, list, fn) {
  const result = yield* each(names(list), fn, { slots: WIDTH });
  for (const [host, error] of [...result.failed, ...result.unreachable])
    throw new Error(`${host.name}: ${error.message}`);
  expect('hosts', result.ok.size, list.length);
}
