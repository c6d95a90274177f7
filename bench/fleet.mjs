// Many hosts by ssh: one command on each, a provisioning job, a line with 100 ms of round trip, a host that hangs, and the
// memory of idle connections. The hosts are real sshds on this machine, in a process of their own.
//   node bench/fleet.mjs [--large] [--hosts N]
import { bench } from './harness.mjs';
import { farCommands, farCopies, hanging, idle, LIMIT } from './fleetFar.mjs';
import { asked, DELAY, hosts, place, stopRig } from './fleetHosts.mjs';
import { cold, jobs, played, warm } from './fleetNear.mjs';
import { leavings } from './fleetLeft.mjs';
import { STEPS, WIDTH } from './fleetWays.mjs';

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
const below = (most, unit, figure, text, name = 'sluice') => ({
  text,
  test({ of }) {
    const found = of(name, figure);
    return { met: found <= most, figure: `${found.toFixed(2)} ${unit}` };
  },
});

/** Both ends have something to do too, in round trips: less than one. */
const BESIDE = 0.5;

const jobGoals = [
  atMost('ssh2', 1.3, 'wall'),
  {
    text: 'with lanes at most 0.95 × ssh2',
    test({ ratio }) {
      const found = 1 / ratio('ssh2', 'sluice, lane');
      return { met: found <= 0.95, figure: `${found.toFixed(2)} ×` };
    },
  },
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
      title: `b. the same by a playbook of Ansible, tuned: pipelining, shared connections, no facts, ${WIDTH} forks, strategy free`,
      unit: 's',
      better: 'lower',
      rounds: 1,
      contestants: played,
      goals: [
        {
          text: 'sluice at least 20 × as fast',
          test({ ratio }) {
            const found = ratio('Ansible, tuned');
            return { met: found >= 20, figure: `${found.toFixed(1)} ×` };
          },
        },
      ],
    },
    {
      title: `c. a warm command, ${DELAY} ms there and back`,
      unit: 'round trips',
      better: 'lower',
      contestants: farCommands,
      goals: [
        below(2 + BESIDE, 'round trips', 'lowest of five', 'sluice at most 2 round trips'),
        below(1 + BESIDE, 'round trips', 'lowest of five', 'a lane at most 1 round trip', 'sluice, lane'),
      ],
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
      title: 'd. processes left on the hosts, of 96, after Ctrl-C, a limit of seconds and SIGKILL',
      unit: 'processes',
      better: 'lower',
      rounds: 1,
      contestants: leavings,
      goals: [below(0, 'processes', 'value', 'none of sluice')],
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
  await stopRig();
}
