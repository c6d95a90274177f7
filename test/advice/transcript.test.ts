import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { transcript } from '../../lib/advice/transcript.ts';
import { all } from '../../lib/compose/all.ts';
import { note } from '../../lib/compose/note.ts';
import { task } from '../../lib/compose/task.ts';
import { runCommandGens, type Event } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { driven, failure, settleDown, value } from '../support.ts';

const shared = t.testdir();
adviceContract(t, 'transcript', transcript(join(shared, 'contract')));
adviceContract(t, 'transcript that can not be written', transcript('/proc/no/such'));

function files(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

t.test('what runs, its lines in order, and how it ended', async (t) => {
  const folder = join(t.testdir(), 'made/on demand');
  const kept = transcript(folder);
  await program('echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three', { env: { KEY: 'private' } })
    .with(kept)
    .run();
  const found = files(folder);
  t.same(Object.keys(found), ['1-echo_one_sleep_0.1_echo_two_2_sleep.log']);
  t.match(
    Object.values(found)[0],
    /^# 1: echo one;.*\n# \$ echo one; sleep.*\n# started \d{4}-.*Z\nstdout\| one\nstderr\| two\nstdout\| three\n# finished in .*\n$/,
  );
  t.notMatch(Object.values(found)[0], /private/);
});

t.test('separate files of the streams', async (t) => {
  const folder = t.testdir();
  await program('echo one; echo two >&2; exit 3', { label: 'x' })
    .with(transcript(pathToFileURL(folder), { separate: true }))
    .run()
    .catch(() => {});
  t.match(files(folder), { '1-x.stdout': 'one\n', '1-x.stderr': 'two\n', '1-x.log': /failed \(.*exit code 3\) after/ });
});

t.test('tasks with notes; kills; masked', async (t) => {
  const folder = t.testdir();
  const kept = transcript(folder);
  const noisy = task(function* noisy() {
    yield* note('the password is hunter22');
    yield* program('echo hunter22', { label: 'hunter22' });
    yield* failure(new Error('hunter22'));
  });
  const step = driven();
  const loop = runCommandGens([all({ hunter22: noisy.with(kept) }), step.runner.with(kept)], { secrets: ['hunter22'] });
  loop.catch(() => {});
  await settleDown();
  step.line('as it comes');
  await settleDown();
  t.match(files(folder)['2-driven.log'], /stdout\| as it comes\n$/, 'before it has ended');
  while (loop.find('1') !== undefined) await settleDown();
  loop.kill('me');
  await loop.catch(() => {});
  const text = JSON.stringify(files(folder));
  t.notMatch(text, /hunter22/);
  t.match(text, /note\| the password is \*\*\*.*stdout\| \*\*\*.*failed \(\*\*\*\)/);
  t.match(files(folder)['2-driven.log'], /killed by me after/);
});

t.test('names stay in the folder, are short, and never overwrite', async (t) => {
  const folder = join(t.testdir(), 'x');
  for (let round = 0; round < 2; round++) {
    const kept = transcript(folder);
    const labels = ['../../up', '/etc/passwd', '..', '\0\n', 'ü'.repeat(300), 'CON:|<>', ''];
    for (const label of [...labels, '../../up']) await program(['true'], { label }).with(kept).run();
  }
  const names = readdirSync(folder);
  t.equal(names.length, 16);
  for (const name of names) {
    t.match(name, /^[\w@+=-][\w.@+=-]*\.log$/);
    t.ok(name.length < 140);
  }
  t.same(readdirSync(join(folder, '..')), ['x']);
});

t.test('what can not be written costs no run its work, and is told once', async (t) => {
  const folder = t.testdir();
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'closed'));
  chmodSync(join(folder, 'closed'), 0o500);
  const places = [join(folder, 'file/x'), ...(process.getuid?.() === 0 ? [] : [join(folder, 'closed')])];
  for (const place of places) {
    const notes: string[] = [];
    const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
    const { stdout } = await program('echo a; echo b').with(transcript(place)).run({ onEvent });
    t.equal(stdout, 'a\nb');
    t.match(notes, [/^transcript: E.*; the rest is not kept$/]);
    t.equal(notes.length, 1);
  }
});

t.test('a full disk', async (t) => {
  const folder = t.testdir();
  const notes: string[] = [];
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  const kept = transcript(folder, { separate: true });
  const step = driven();
  const ended = step.runner.with(kept).run({ onEvent });
  await settleDown();
  // Another file in its place that is always full.
  spawnSync('ln', ['-s', '/dev/full', join(folder, '1-driven.stdout')]);
  step.line('lost');
  step.line('lost too');
  await settleDown();
  step.finish(7);
  t.equal(await ended, 7);
  t.match(notes, [/^transcript: ENOSPC/]);
  t.equal(notes.length, 1);
});

t.test('a folder that goes away is made again for the next; a dry run writes nothing', async (t) => {
  const folder = join(t.testdir(), 'x');
  const kept = transcript(folder);
  await value(1).with(kept).run({ dryRun: true });
  t.throws(() => readdirSync(folder));
  await value(1).with(kept).run();
  rmSync(folder, { recursive: true });
  await value(1).with(kept).run();
  t.equal(readdirSync(folder).length, 1);
});

t.test('a Node that is killed leaves what was said', async (t) => {
  const folder = t.testdir();
  const library = JSON.stringify(new URL('../../lib/index.ts', import.meta.url).href);
  const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const script = `import { program, transcript } from ${library};
    program('echo said; read x', { stdin: 'pipe' })
      .with(transcript(${JSON.stringify(folder)}))
      .run({ onEvent: ({ type }) => type === 'line' && process.kill(process.pid, 'SIGKILL') });`;
  spawnSync(process.execPath, ['--import', loader, '--input-type=module', '-e', script]);
  t.match(Object.values(files(folder)), [/# started .*\nstdout\| said\n$/]);
});

t.test('those that wait hold no descriptor, also when they have said something', async (t) => {
  const folder = t.testdir();
  const kept = transcript(folder);
  const steps = Array.from({ length: 300 }, () => driven());
  const open = (): number => readdirSync('/dev/fd').length;
  const before = open();
  const loop = runCommandGens(steps.map(({ runner }) => runner.with(kept)));
  await settleDown();
  for (const step of steps) step.line('said');
  await settleDown();
  t.ok(open() < before + 50, `${open()} after ${before}`);
  for (const step of steps) step.finish(0);
  await loop;
  t.equal(Object.values(files(folder)).filter((text) => /said\n# finished/.test(text)).length, 300);
});

t.test('a file that goes away is told, and not made anew without its beginning', async (t) => {
  const folder = join(t.testdir(), 'x');
  const notes: string[] = [];
  const step = driven();
  const onEvent = (event: Event): void => void (event.type === 'note' && notes.push(event.text));
  const ended = step.runner.with(transcript(folder)).run({ onEvent });
  await settleDown();
  rmSync(join(folder, '1-driven.log'));
  step.line('lost');
  await settleDown();
  step.finish(7);
  t.equal(await ended, 7);
  t.match(notes, [/^transcript: ENOENT/]);
  t.same(readdirSync(folder), []);
});

t.test('100,000 lines', async (t) => {
  const folder = t.testdir();
  await program('seq 100000', { label: 'many' }).with(transcript(folder)).run();
  const lines = files(folder)['1-many.log']!.split('\n');
  t.equal(lines.filter((line) => line.startsWith('stdout| ')).length, 100_000);
});

t.test('wrong arguments', async (t) => {
  t.throws(() => transcript(''), TypeError);
  t.throws(() => transcript(undefined as never), /expected the path of a folder/);
  t.throws(() => transcript('x', { split: true } as never), /unknown option split/);
  t.throws(() => transcript('x', { separate: 1 as never }), TypeError);
});
