import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import t from 'tap';
import { createRunner, runCommandGens } from '../../lib/kernel/index.ts';
import { enterTerminal } from '../../lib/kernel/terminal.ts';
import { prefix } from '../../lib/report/prefix.ts';
import { Screen } from '../../lib/report/screen.ts';
import { Paper, written } from './support.ts';

t.test('what a turn reports is one write, in order over both streams', async (t) => {
  const both: string[] = [];
  const paper = (name: string) =>
    new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        both.push(`${name}:${text}`);
        done();
      },
    });
  const screen = new Screen({ out: paper('out'), err: paper('err') });
  screen.write('out', 'a\n');
  screen.write('out', 'b\n');
  screen.write('err', 'c\n');
  screen.write('out', 'd\n');
  t.same(both, []);
  await Promise.resolve();
  t.same(both, ['out:a\nb\n', 'err:c\n', 'out:d\n']);
});

t.test('a turn that reports much is written meanwhile', async (t) => {
  const out = new Paper();
  const screen = new Screen({ out, err: new Paper() });
  for (let i = 0; i < 100; i++) screen.write('out', `${'x'.repeat(1000)}\n`);
  t.equal(out.writes.length, 1);
  await written();
  t.equal(out.text.length, 100_100);
});

t.test('while a program has the terminal, what goes there waits; the latest stays', async (t) => {
  const out = new Paper({});
  const err = new Paper();
  const screen = new Screen({ out, err });
  screen.write('out', 'before\n');
  const leave = enterTerminal(() => {});
  screen.write('out', 'during\n');
  screen.write('err', 'to a file\n');
  await written();
  t.equal(out.text, 'before\n');
  t.equal(err.text, 'to a file\n');
  leave();
  t.equal(out.text, 'before\nduring\n');
  const leaveAgain = enterTerminal(() => {});
  for (let i = 0; i < 10_000; i++) screen.write('out', `${i} ${'x'.repeat(1000)}\n`);
  leaveAgain();
  await written();
  t.match(err.lines.at(-1), /^… \d+ lines were dropped/);
  t.match(out.lines.at(-1), /^9999 x/);
  t.ok(out.text.length < 4.3 * 1024 * 1024);
  const dropped = Number(/\d+/.exec(err.lines.at(-1)!)![0]);
  t.equal(out.lines.length - 2 + dropped, 10_000);
});

const speaks = createRunner<void>({
  spec: { type: 'speaks' },
  start(sink) {
    sink.lines('stdout', ['hello']);
    sink.settle({ type: 'finished', value: undefined });
    return { pause() {}, play() {}, kill() {} };
  },
});

function broken(): Writable {
  return new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    },
  });
}

t.test('when nobody reads any more, the next to report fails', async (t) => {
  const report = prefix({ out: broken(), err: new Paper() });
  await runCommandGens([speaks], { report });
  await written();
  await t.rejects(runCommandGens([speaks], { report }) as Promise<unknown>, /report threw/);
});

t.test('… unless somebody takes care of it', async (t) => {
  let told = 0;
  const err = new Paper();
  const out = broken();
  const report = prefix({ out, err, closed: () => told++ });
  await runCommandGens([speaks], { report });
  await written();
  t.equal(told, 1);
  await runCommandGens([speaks], { report });
  await written();
  t.equal(told, 1);
  t.equal(err.text, '');
  prefix({ out, err, closed: () => told++ });
  t.equal(told, 2, 'told at once of what has happened before');
});

t.test('many reports to one stream add one listener', async (t) => {
  const out = new Paper();
  for (let i = 0; i < 50; i++) prefix({ out, err: out });
  t.equal(out.listenerCount('error'), 1);
});

t.test('process.exit() in the middle of a turn loses nothing', async (t) => {
  const code = `
    const { runCommandGens, createRunner, prefix } = await import('sluice');
    const speaks = createRunner({ spec: { type: 'a' }, start(sink) { sink.lines('stdout', ['said']); return { kill() {} } } });
    await runCommandGens([speaks], { report: prefix(), onEvent: ({ type }) => type === 'line' && process.exit(7) });`;
  const register = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
  const { stdout, status } = spawnSync(process.execPath, ['--import', register, '--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  t.equal(stdout, 'a | said\n');
  t.equal(status, 7);
});
