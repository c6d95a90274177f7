import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { pathToFileURL } from 'node:url';
import { Readable } from 'node:stream';
import t from 'tap';
import { within } from '../../lib/compose/within.ts';
import { isRunError, RunError, type RunErrorDetails } from '../../lib/kernel/index.ts';
import { program } from '../../lib/runners/program.ts';
import { execaSpawner, localSpawner, posixSpawner } from '../../lib/spawn/local.ts';
import { contract } from '../../lib/testing/contract.ts';
import { failure, fixture, hear } from './tools.ts';

contract(t, 'program', () => ({
  runner: () => program('echo hi'),
  endless: () => program('sleep 1000'),
  failing: () => program('false'),
}));

const node = (script: string): string[] => [process.execPath, '-e', script];

t.test('gives exit code, output and time', async (t) => {
  const { ms, ...rest } = await program(['sh', '-c', 'echo out; echo err >&2']).run();
  t.same(rest, { exitCode: 0, signal: undefined, stdout: 'out', stderr: 'err', truncated: 0 });
  t.ok(ms > 0 && ms < 10_000);
});

t.test('tells what it used, where the system does; results are equal all the same', async (t) => {
  const busy = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit $CODE';
  const run = (code: string) => program(busy, { env: { CODE: code } }).run({ spawner: posixSpawner });
  if (localSpawner.joint!() !== undefined) {
    const result = await run('0');
    t.ok(result.usage!.userMs + result.usage!.systemMs > 0);
    t.ok(result.usage!.userMs + result.usage!.systemMs < 10 * result.ms + 1000);
    t.notOk(Object.keys(result).includes('usage'));
    const failed = (await failure(run('3'))).result as typeof result;
    t.ok(failed.usage!.userMs + failed.usage!.systemMs > 0);
    const small = (await program(['true']).run({ spawner: posixSpawner })).usage!;
    t.equal(small.maxRss, undefined, 'it had less than Node, whose memory is counted as its own');
    t.ok(small.userMs + small.systemMs < 1000, 'its own time, not that of all before');
    const large = program([process.execPath, '-e', 'Buffer.alloc(600e6, 1)']);
    const { maxRss } = (await large.run({ spawner: posixSpawner })).usage!;
    t.ok(maxRss! > 600e6 && maxRss! < 1200e6, String(maxRss));
  }
  t.equal((await program('true').run({ spawner: execaSpawner })).usage, undefined);
});

t.test('its spec tells what decides its result, as far as that is data', async (t) => {
  const told = program(['x'], {
    stdout: () => {},
    stderr: { file: 'log', append: true },
    encoding: 'latin1',
    unchecked: true,
    timeout: Infinity,
    capture: '1MiB',
    grace: '1s',
  }).spec;
  t.same(told, {
    type: 'program',
    command: ['x'],
    stdout: 'given',
    stderr: { file: 'log', append: true },
    encoding: 'latin1',
    unchecked: true,
    timeout: 'Infinity',
    capture: '1MiB',
  });
});

t.test('an exit code other than 0 is a failure that names the command and shows the last lines', async (t) => {
  for (const code of [1, 2, 127, 255]) {
    const error = await failure(program([fixture('exits-with'), code]).run());
    t.same(error.reason, { type: 'exit', exitCode: code });
  }
  const error: RunError = await failure(program(`echo one; echo 'two' >&2; exit 3`).run());
  t.equal(error.message, `echo one; echo 'two' >&2; exit 3: failed with exit code 3\ntwo\none`);
  t.same([error.stdout, error.stderr, error.run], ['one', 'two', '1']);
  t.match(error.result, { exitCode: 3, stdout: 'one', stderr: 'two' });
  t.equal(error.spec?.type, 'program');
});

t.test('a death by signal is a failure', async (t) => {
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGSEGV', 'SIGUSR1'] as const) {
    const error = await failure(program([fixture('dies-by'), signal.slice(3)]).run());
    t.same(error.reason, { type: 'signal', signal });
    t.match(error.message, `was ended by ${signal}`);
  }
});

t.test('unchecked: both are results', async (t) => {
  t.match(await program('exit 3', { unchecked: true }).run(), { exitCode: 3, signal: undefined });
  const died = await program([fixture('dies-by'), 'HUP'], { unchecked: true }).run();
  t.match(died, { exitCode: undefined, signal: 'SIGHUP' });
});

t.test('what could not be started', async (t) => {
  const folder = t.testdir({ text: 'hi', 'bad-program': '\x7fELF' });
  const code = async (command: string | string[], options = {}): Promise<string> => {
    const error = await failure(program(command, options).run());
    t.ok(error.cause instanceof Error, 'the underlying error is its cause');
    t.match(error.message, error.cause.message);
    return error.reason.type === 'spawn' ? error.reason.code : String(error);
  };
  t.equal(await code('no-such-program a b'), 'ENOENT');
  t.equal(await code([join(folder, 'missing')]), 'ENOENT');
  t.equal(await code([join(folder, 'text')]), 'EACCES');
  t.equal(await code([folder]), 'EACCES');
  t.equal(await code(['true'], { cwd: join(folder, 'missing') }), 'CWD');
  t.equal(await code(['true'], { cwd: join(folder, 'text') }), 'CWD');
  t.equal(await code(['echo', 'x'.repeat(3_000_000)]), 'E2BIG');
  t.equal(await code(['true'], { cwd: 'a\0b' }), 'EINVAL');
  t.equal(await code(['true'], { env: { A: 'a\0b' } }), 'EINVAL');
});

t.test('what the system says of odd names and files, in words', async (t) => {
  const folder = t.testdir({ loop: t.fixture('symlink', 'loop') });
  const message = async (name: string): Promise<string> => (await failure(program([name]).run())).message;
  t.match(await message(join(folder, 'loop')), /ELOOP\)\ncause: .*loop is a symbolic link that leads back to itself/);
  t.match(await message(`/${'x'.repeat(5000)}`), /ENAMETOOLONG\)\ncause: the name of the program is longer than/);
  if (process.platform !== 'linux') return; // others run what is being written
  const busy = join(folder, 'busy');
  copyFileSync('/bin/true', busy);
  const writer = openSync(busy, 'r+');
  t.match(await message(busy), /ETXTBSY\)\ncause: .*busy is open for writing somewhere/);
  closeSync(writer);
  t.equal((await program([busy]).run()).exitCode, 0);
});

t.test('their messages say what it is about', async (t) => {
  const folder = t.testdir({});
  const missing = join(folder, 'missing');
  const message = async (...call: Parameters<typeof program>): Promise<string> =>
    (await failure(program(...call).run())).message;
  t.equal(
    await message(['no-such', 'a b']),
    "no-such 'a b': could not be started (ENOENT)\ncause: there is no program no-such in PATH",
  );
  t.match(await message('true', { cwd: missing }), `CWD)\ncause: the folder ${missing} does not exist`);
  const shell = await message('no-such-program | cat; no-such-program');
  t.match(shell, /exit code 127 \(a shell says so when it does not find a program\)/);
  const length = (await message(['echo', 'x'.repeat(3_000_000)])).length;
  t.ok(length < 16_000, 'not the whole command');
});

t.test('a file of its own that is missing fails before anything runs', async (t) => {
  const folder = t.testdir({});
  const input = { file: join(folder, 'missing') };
  const error = await failure(program(['touch', 'ran'], { cwd: folder, stdin: input }).run());
  t.same(error.reason, { type: 'file', path: input.file });
  t.notOk(existsSync(join(folder, 'ran')));
});

t.test('what can be no argument is refused at the call', (t) => {
  const refused = (command: unknown, match: RegExp): void => {
    t.throws(() => program(command as string), { name: 'TypeError', message: match });
  };
  refused(['echo', undefined], /argument 1 is undefined/);
  refused([null, 'a'], /argument 0 is null/);
  refused(['echo', , 'a'], /argument 1 is undefined/);
  refused(['echo', {}], /argument 1 is of the type object/);
  refused(['echo', ['a']], /argument 1 is of the type object/);
  refused([], /empty array/);
  refused(['', 'a'], /name of the program is empty/);
  refused('', /command is empty/);
  refused(' \n', /command is empty/);
  refused(undefined, /got undefined/);
  refused(null, /got null/);
  refused(7, /got number/);
  const nul = { name: 'RunError', reason: { type: 'spawn', code: 'EINVAL' } };
  t.throws(() => program(['echo', 'a\0b']), nul as never);
  t.throws(() => program('echo a\0b | cat'), nul as never);
  t.throws(() => program('echo a\0b'), nul as never);
  t.end();
});

t.test('numbers and booleans are arguments', async (t) => {
  const { stdout } = await program(['printf', '%s,', 1, 2.5, 3n, true, -0, NaN]).run();
  t.equal(stdout, '1,2.5,3,true,0,NaN,');
});

t.test('what is no option, or no value of one, is refused at the call', (t) => {
  const refused = (options: object | null, match: RegExp): void => {
    t.throws(() => program('true', options as {}), { name: 'TypeError', message: match });
  };
  refused({ timeOut: 1 }, /unknown option timeOut; known are/);
  refused({ timeout: '1 minute' }, /program: timeout: '1 minute' is no duration/);
  refused({ timeout: -1 }, /no duration/);
  refused({ grace: NaN }, /program: grace/);
  refused({ capture: '16 MB' }, /program: capture/);
  refused({ maxLine: 1.5 }, /program: maxLine/);
  refused({ partial: 'soon' }, /program: partial/);
  refused({ drain: { quiet: 'x' } }, /program: drain.quiet/);
  refused({ drain: 'closed' }, /drain is 'close' or/);
  refused({ encoding: 'utf-16' }, /encoding the string "utf-16" is none of/);
  refused({ env: { A: '1' }, exactEnv: {} }, /give one of them/);
  refused({ env: { A: 1 } }, /env.A is of the type number/);
  refused({ env: { A: null } }, /env.A is null/);
  refused({ env: { 'A=B': 'c' } }, /env has "A=B", which is no name of a variable/);
  refused({ exactEnv: { '': 'c' } }, /exactEnv has "", which is no name/);
  refused({ exactEnv: { A: undefined } }, /exactEnv.A is of the type undefined/);
  refused({ cwd: 7 }, /cwd is a path/);
  refused({ cwd: new URL('https://a.b/c') }, /cwd is a path or a file: URL/);
  refused({ label: 7 }, /label/);
  refused({ stdout: 'log.txt' }, /stdout is .* for a file give file\("log.txt"\)/);
  refused({ stderr: 2 }, /stderr is a function/);
  refused({ stdout: Readable.from([]) }, /stdout is a function/);
  refused({ stdin: 7 }, /program: stdin: expected a string/);
  refused({ stdin: new URL('https://a.b/c') }, /only a file: URL/);
  refused(null, /expected options, got null/);
  t.end();
});

t.test('strings run without a shell where they need none', async (t) => {
  const parent = `process.stdout.write(require('fs').readFileSync('/proc/' + process.ppid + '/comm', 'latin1'))`;
  const folder = t.testdir({ 'parent.cjs': parent });
  const env = { PATH: `${join(process.execPath, '..')}:${process.env['PATH']}` };
  const direct = await program('node parent.cjs', { cwd: folder, env }).run();
  t.not(direct.stdout, 'sh');
  const shell = await program('node parent.cjs; true', { cwd: folder, env }).run();
  t.match(shell.stdout, /sh/);
  t.equal((await program('echo  a   b ').run()).stdout, 'a b');
  t.equal((await program('A=1 && echo $A').run()).stdout, '1');
  t.equal((await program('  true  ').run()).exitCode, 0);
  t.equal((await program('cd / && pwd').run()).stdout, '/');
  t.equal((await program('exit 0').run()).exitCode, 0, 'a builtin alone');
});

t.test('env adds, undefined takes away, exactEnv replaces', async (t) => {
  process.env['SLUICE_A'] = 'a';
  process.env['SLUICE_B'] = 'b';
  t.teardown(() => {
    delete process.env['SLUICE_A'];
    delete process.env['SLUICE_B'];
  });
  const show = (options: {}) =>
    program(['/bin/sh', '-c', 'echo "$SLUICE_A,$SLUICE_B,$SLUICE_C,${PATH:+path}"'], options).run();
  t.equal((await show({})).stdout, 'a,b,,path');
  t.equal((await show({ env: { SLUICE_B: undefined, SLUICE_C: 'c' } })).stdout, 'a,,c,path');
  t.equal((await program(['/usr/bin/env'], { exactEnv: { ONLY: 'this' } }).run()).stdout, 'ONLY=this');
  const surrounded = program(['/bin/sh', '-c', 'echo $SLUICE_A$SLUICE_C'], { env: { SLUICE_C: 'own' } });
  t.equal((await within({ env: { SLUICE_A: 'w', SLUICE_C: 'w' } }, surrounded).run()).stdout, 'wown');
});

t.test('where Node’s own folder is gone, a folder that is given will do', async (t) => {
  const before = process.cwd();
  const removed = mkdtempSync(join(tmpdir(), 'sluice-'));
  process.chdir(removed);
  rmdirSync(removed);
  try {
    const error = await failure(program('pwd').run());
    t.same(error.reason, { type: 'spawn', code: 'CWD' });
    t.match(
      error.message,
      /^pwd: could not be started \(CWD\) \(Node's own folder does not exist any more; give cwd\)/,
    );
    t.equal((await program('pwd', { cwd: '/' }).run()).stdout, '/');
    t.equal((await within({ cwd: '/' }, program('pwd')).run()).stdout, '/');
  } finally {
    process.chdir(before);
  }
});

t.test('cwd: absolute, relative to what surrounds it, a URL', async (t) => {
  const folder = realpathSync(t.testdir({ a: { b: {} } }));
  const pwd = (cwd?: string | URL) => program(['pwd', '-P'], cwd === undefined ? {} : { cwd });
  t.equal((await pwd().run()).stdout, process.cwd());
  t.equal((await pwd(folder).run()).stdout, folder);
  t.equal((await pwd(pathToFileURL(`${folder}/a/`)).run()).stdout, join(folder, 'a'));
  t.equal((await within({ cwd: folder }, pwd('a/b')).run()).stdout, join(folder, 'a/b'));
  t.equal((await pwd('a').run({ cwd: folder })).stdout, join(folder, 'a'));
});

t.test('a program given by a relative path is looked for in its folder', async (t) => {
  const folder = t.testdir({});
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/tool'), '#!/bin/sh\necho tool', { mode: 0o755 });
  t.equal((await program(['bin/tool'], { cwd: folder }).run()).stdout, 'tool');
  t.equal((await program('./tool', { cwd: join(folder, 'bin') }).run()).stdout, 'tool');
});

t.test('labels: the first words, or one of your own', async (t) => {
  t.equal(program('/usr/bin/make -C lib all').label, 'make -C lib all');
  t.equal(program(['git', 'commit', '-m', 'a\nb']).label, 'git commit -m a b');
  t.equal(program(['echo', 'x'.repeat(100)]).label, 'echo');
  t.equal(program(`echo ${'word '.repeat(30)}`).label, 'echo word word word word word word word');
  t.ok(program('x'.repeat(100)).label.length <= 40);
  t.equal(program('true', { label: 'mine' }).label, 'mine');
  const { events } = await hear(program('true', { label: 'mine' }));
  t.match(events[0], { type: 'start', label: 'mine' });
});

t.test('the spec is data, and tells not what is secret in stdin', (t) => {
  t.same(program(['echo', 1]).spec, { type: 'program', command: ['echo', '1'] });
  const { spec } = program('a b', { cwd: '/x', env: { A: '1', B: undefined }, stdin: 'text' });
  t.match(spec, { command: 'a b', cwd: '/x', env: { A: '1', B: null }, stdin: { sha256: /^[0-9a-f]{64}$/ } });
  t.not(JSON.stringify(program('a', { stdin: 'b' }).spec), JSON.stringify(program('a', { stdin: 'c' }).spec));
  t.equal(program('a', { stdin: 'inherit' }).spec['stdin'], 'inherit');
  t.same(program('a', { stdin: { file: 'x' } }).spec['stdin'], { file: 'x' });
  t.equal(program('a', { stdin: ['x'] }).spec['stdin'], 'given');
  t.end();
});

t.test('messages are short, show the end, and never the environment', async (t) => {
  const script = `
    for (let i = 0; i < 100000; i++) console.log('out ' + i);
    for (let i = 0; i < 100000; i++) console.error('err ' + i);
    process.exitCode = 1`;
  const error: RunError = await failure(program(node(script), { env: { TOKEN: 'only-in-the-environment' } }).run());
  t.ok(error.message.length <= 16_000);
  t.match(error.message, /out 99999$/);
  t.match(error.message, /err 99999\n/);
  t.ok(error.stdout.length <= 8192 && error.stderr.length <= 8192);
  t.match(error.stdout, /^out \d+\n/, 'whole lines');
  const exact: RunError = await failure(
    program([process.execPath, '-e', 'process.exit(1)'], { exactEnv: { TOKEN: 'only-in-the-environment' } }).run(),
  );
  t.match(exact.reason, { type: 'exit', exitCode: 1 });
  for (const { message, stack, ...rest } of [error, exact])
    for (const text of [message, stack, JSON.stringify(rest), inspect(rest, { depth: 9 })])
      t.notMatch(text, /only-in-the-environment/);
  t.notMatch(inspect(error), /out 50000/, 'what was captured is not printed with it');
});

t.test('a line without an end is shown in part', async (t) => {
  const script = `process.stderr.write('x'.repeat(100000) + 'END', () => process.exit(1))`;
  const error: RunError = await failure(program(node(script)).run());
  t.ok(error.message.length < 16_000);
  t.match(error.message, /xEND$/);
});

t.test('secrets are masked in errors, labels, specs and events, not in results', async (t) => {
  const secret = 'hunter2-hunter2';
  const script = `console.log('a ${secret} b'); console.error('${secret}'); process.exitCode = Number(process.argv[1])`;
  const secrets = [secret];
  const { events } = await hear(program([...node(script), 1], { env: { PASSWORD: secret } }), { secrets });
  const error: RunError = await failure(program([...node(script), 1]).run({ secrets }));
  for (const text of [JSON.stringify(events), error.message, inspect(error, { depth: 9 }), JSON.stringify(error)])
    t.notMatch(text, secret);
  t.match(error.stdout, 'a *** b');
  const lines: string[] = [];
  const { stderr } = await program([...node(script), 0], { stdout: (line) => lines.push(line) }).run({ secrets });
  t.equal(stderr, secret);
  t.same(lines, [`a ${secret} b`]);
});

t.test('a secret is masked where the last lines are cut', async (t) => {
  const secret = Array.from({ length: 60 }, (_, i) => `secret${i}`).join('');
  const script = `process.stderr.write('${secret}'.repeat(30)); process.exitCode = 1`;
  const error: RunError = await failure(program(node(script)).run({ secrets: [secret] }));
  t.notMatch(error.stderr, /secret/);
  t.match(error.stderr, '***');
});

t.test('a secret in the message of a cause is masked', async (t) => {
  const secret = 'super-secret-folder';
  const error: RunError = await failure(program('true', { cwd: `/no/${secret}` }).run({ secrets: [secret] }));
  t.match(error.message, 'the folder /no/*** does not exist');
  t.notMatch(inspect(error, { depth: 9 }), secret);
});

t.test('a program that wants a terminal is told about stdin: inherit', async (t) => {
  const error: RunError = await failure(program(`echo 'stdin: is not a tty' >&2; exit 1`).run());
  t.match(error.message, "it seems to want a terminal: give it this one with stdin: 'inherit'");
  const tty = await failure(program('echo x >/dev/tty', {}).run());
  t.match(tty.message, "stdin: 'inherit'");
});

t.test('a dry run starts nothing and gives an empty success', async (t) => {
  const folder = t.testdir({});
  const result = await program('touch ran', { cwd: folder }).run({ dryRun: true });
  t.match(result, { exitCode: 0, stdout: '', stderr: '' });
  const bytes = await program('touch ran', { cwd: folder, encoding: 'buffer' }).run({ dryRun: true });
  t.equal(bytes.stdout.length, 0);
  t.notOk(existsSync(join(folder, 'ran')));
});

t.test('a timeout kills it', async (t) => {
  const error: RunError = await failure(program('echo before; sleep 1000', { timeout: 50 }).run());
  t.same(error.reason, { type: 'timeout', ms: 50 });
  t.match(error.message, /timed out after 50 ms/);
});

t.test('errors are RunErrors, told by isRunError', async (t) => {
  const details: RunErrorDetails = { reason: { type: 'closed' } };
  t.ok(isRunError(new RunError(details)));
  const error: unknown = await failure(program('false').run());
  t.ok(isRunError(error, 'exit'));
  t.notOk(isRunError(error, 'signal'));
});

t.test('a long command does not fill the message of its error', async (t) => {
  const [result] = await Promise.allSettled([program(`false # ${'x'.repeat(100_000)}`).run()]);
  t.match(result, { reason: { reason: { type: 'exit' } } });
  t.ok(String((result as PromiseRejectedResult).reason.message).length < 2100);
});
