// Ctrl-C, and other ways in which a running sluice is ended. Programs tell when they are ready; nothing here sleeps.
import t from 'tap';
import { missing } from '../missing.ts';
import { bin, lives, sluice, start } from './support.ts';

/** Says its pid, then waits to be killed; on SIGINT it does something first. */
const puppet = (onInt: string) => `trap '${onInt}' INT; echo "pid $$"; sleep 100 & wait $!; wait $!; wait`;

t.test('the first Ctrl-C tells who is alive, runs what is to be cleaned up, and ends by the signal', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program, all, shield } from 'sluice';
      const puppet = ${JSON.stringify(puppet('echo cleaning; kill $!; exit 0'))};
      export default function* main() {
        try {
          yield* all([program(puppet, { label: 'puppet' }), program('sleep 100')]);
        } finally {
          yield* shield(program('echo finally'));
        }
      }`,
  });
  const living = start(['run', 'a.ts'], { cwd });
  const [, pid] = await living.says(/pid (\d+)/);
  living.signal('SIGINT');
  const { stdout, stderr, signal } = await living.ended;
  t.equal(signal, 'SIGINT', 'so a shell sees 130');
  t.match(stderr, /^sluice: SIGINT; 2 runs are being ended, once more kills at once\n/);
  t.match(stderr, /\n {2}puppet \(1\.1\.1\): for \d.*, pid \d+ runs, stdout and stderr open\n {4}last line: pid \d+\n/);
  t.match(stderr, /\n {2}sleep 100 \(1\.1\.2\): for/);
  t.match(stderr, /puppet +\* killed: SIGINT/);
  t.match(stdout, /\| cleaning\n[^]*echo finally +\| finally\n$/);
  t.notOk(lives(Number(pid)));
});

t.test('the second kills at once', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program, shield } from 'sluice';
      export default function* main() {
        try {
          yield* program('echo ready; sleep 100');
        } finally {
          yield* shield(program(${JSON.stringify(puppet('echo ignored'))}));
        }
      }`,
  });
  const living = start(['run', 'a.ts'], { cwd });
  await living.says(/ready/);
  living.signal('SIGINT');
  const [, pid] = await living.says(/pid (\d+)/);
  living.signal('SIGINT');
  const { signal } = await living.ended;
  t.equal(signal, 'SIGINT');
  t.notOk(lives(Number(pid)));
});

t.test('SIGTERM and SIGHUP end it too', async (t) => {
  for (const name of ['SIGTERM', 'SIGHUP'] as const) {
    const living = start(['seq', 'echo "pid $$"; exec sleep 100']);
    const [, pid] = await living.says(/pid (\d+)/);
    living.signal(name);
    const { signal, stderr } = await living.ended;
    t.equal(signal, name);
    t.match(stderr, new RegExp(`^sluice: ${name}; 1 run is being ended`));
    t.notOk(lives(Number(pid)));
  }
});

t.test('what fails while it is being ended is told', async (t) => {
  const cwd = t.testdir({
    'a.ts': `import { program, shield } from 'sluice';
      export default function* main() {
        try { yield* program('echo ready; sleep 100'); } finally { yield* shield(program('exit 4', { label: 'umount' })); }
      }`,
  });
  const living = start(['run', 'a.ts'], { cwd });
  await living.says(/ready/);
  living.signal('SIGINT');
  const { stderr, signal } = await living.ended;
  t.equal(signal, 'SIGINT');
  t.match(stderr, /umount +\* failed with exit code 4/);
});

t.test('in a terminal, Ctrl-C reaches sluice alone', { skip: missing('script') }, async (t) => {
  // It goes on for a while after the first SIGINT, so that a second would show.
  const counts =
    'trap "echo interrupted; left=5" INT; left=-1; echo ready; until [ $left = 0 ]; do sleep 0.05; left=$((left - 1)); done';
  const node = `${process.execPath} ${bin} seq '${counts}'`;
  const living = start([], {}, ['script', '-qec', node, '/dev/null']);
  await living.says(/ready/);
  living.stdin.write('\x03');
  await living.says(/1 run is being ended/);
  const { stdout, status } = await living.ended;
  t.equal(stdout.match(/\|\S* interrupted\r\n/g)?.length, 1, 'exactly one SIGINT');
  t.match(stdout, /\r\n.*sluice: SIGINT/, 'on a line of its own');
  t.equal(status, 130);
});

t.test('where nothing can happen any more it says who waits for what, and ends', async (t) => {
  const cwd = t.testdir({
    'awaits.ts': 'export default async function* main() { await new Promise(() => {}); }',
    'joins.ts': `import { join, program, shield, spawn, task, type Run } from 'sluice';
      export default function* main() {
        const runs: Run[] = [];
        const other = function* (other: number) {
          yield* program('true');
          yield* join(runs[other]!);
        };
        try {
          runs.push(yield* spawn(task(other, 1)), yield* spawn(task(other, 0)));
          yield* join(runs[0]!);
        } finally {
          yield* shield(program('echo finally'));
        }
      }`,
    'top.ts': 'await new Promise(() => {}); export default [];',
    'never.ts': 'export default new Promise(() => {});',
    'later.ts': 'export default () => new Promise(() => {});',
  });
  const awaits = sluice(['run', 'awaits.ts'], { cwd });
  t.equal(awaits.status, 1);
  t.match(
    awaits.stderr,
    /^sluice: nothing is left that could happen; 1 run is being ended\n {2}main \(1\): for .*, in an await/,
  );
  const joins = sluice(['run', 'joins.ts'], { cwd });
  t.equal(joins.status, 1);
  t.match(joins.stderr, /nothing is left that could happen; [^]*waits for /);
  t.match(joins.stdout, /\| finally\n/);
  const stderr = (file: string): string => {
    const { status, stderr } = sluice(['run', file], { cwd });
    t.equal(status, 1, file);
    return stderr;
  };
  t.match(stderr('top.ts'), /^sluice: top.ts: an await at its top level, .* never ends\n$/);
  t.match(stderr('never.ts'), /^sluice: never.ts: an await .* of what it exports, never ends\n$/);
  t.match(stderr('later.ts'), 'sluice: what the default function gives never comes\n');
});
