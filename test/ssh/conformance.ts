// What holds of commands on other machines, whatever carries them.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Test } from 'tap';
import {
  all,
  file,
  pipe,
  program,
  promise,
  runCommandGens,
  spawn as spawnRun,
  ssh,
  until,
  within,
  via,
} from '../../lib/index.ts';
import type { SshOptions } from '../../lib/index.ts';
import { relay, refuses, silent, sshdMissing, startRig, type Rig } from './rig/rig.ts';
import { descendants, isAlive, until as soon } from './rig/procs.ts';

const loader = new URL('../../dist/lib/cli/load/register.js', import.meta.url).href;
const library = new URL('../../lib/index.ts', import.meta.url).href;

/** The processes whose command line ends so. */
function running(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean).join(' ');
        return pid > 0 && words.endsWith(text) && !/ (?:State:\s+Z)/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    });
}

let numbers = 0;
/** A number of seconds that nobody else sleeps. */
const seconds = (): string => `${7000 + (process.pid % 1000) + 1000 * numbers++}`;

async function fails(t: Test, promise: Promise<unknown>, pattern: object): Promise<void> {
  const [result] = await Promise.allSettled([promise]);
  t.match(result, { status: 'rejected', reason: pattern });
}

/** More than fits in an argument. */
const comment = `# ${'ü'.repeat(100_000)}\n`;

/** What not every transport can do: cases by their names. */
export type Able = 'tells a signal from an exit code' | 'one login at a jump host';

/** Every case, with `more` among the options of ssh, less those that this transport can't decide. */
export function conformance(t: Test, more: SshOptions, unable: readonly Able[] = []): void {
  let rig: Rig;
  // What asks for an sshd that is configured, or forwards.
  const skip = sshdMissing() ?? false;
  let options: SshOptions;
  t.before(async () => {
    const limited = [{ config: ['MaxSessions 1'] }, { config: ['MaxStartups 2:100:2'] }];
    rig = await startRig({ hosts: [{}, {}, ...(skip === false ? limited : [])] });
    options = { config: rig.config, ...more };
  });
  const run = (command: Parameters<typeof ssh>[1], given: SshOptions = {}, host = 'h1') =>
    ssh(host, command, { ...options, ...given }).run();

  t.test('output, exit codes and signals are the command’s own', async (t) => {
    t.match(await run(['echo', 'hello']), { exitCode: 0, stdout: 'hello', stderr: '', host: { name: 'h1' } });
    t.match(await run('echo out; echo err >&2; exit 7', { unchecked: true }), {
      exitCode: 7,
      signal: undefined,
      stdout: 'out',
      stderr: 'err',
    });
    for (const exitCode of [1, 126, 127, 137, 143, 254, 255])
      await fails(t, run(`exit ${exitCode}`), { reason: { type: 'exit', exitCode } });
    await fails(t, run(['no-such-program']), { reason: { type: 'exit', exitCode: 127 } });
  });

  const tells = !unable.includes('tells a signal from an exit code');
  t.test(tells ? 'a signal is told from an exit code' : 'a death by signal is a code over 128', async (t) => {
    for (const [signal, number] of [
      ['KILL', 9],
      ['TERM', 15],
      ['SEGV', 11],
    ] as const)
      await fails(t, run(`kill -${signal} $$`), {
        reason: tells ? { type: 'signal', signal: `SIG${signal}` } : { type: 'exit', exitCode: 128 + number },
      });
  });

  t.test('stdin: text, none, and one that is not read', async (t) => {
    t.match(await run(['cat'], { stdin: 'a\nb' }), { stdout: 'a\nb', stderr: '' });
    t.match(await run(['cat']), { stdout: '' });
    t.match(await run(['wc', '-c'], { stdin: 'x'.repeat(10_000_000) }), { stdout: '10000000' });
    t.match(await run(['true'], { stdin: 'x'.repeat(10_000_000) }), { exitCode: 0 });
  });

  t.test('100 MB of output, whole', async (t) => {
    const result = await run('head -c 100000000 /dev/zero | tr "\\0" a', { capture: '101MB', maxLine: '101MB' });
    t.equal(result.stdout.length, 100_000_000);
  });

  t.test('cwd and env are the host’s; files are here', async (t) => {
    const folder = t.testdir({ in: 'from a file' });
    mkdirSync(join(rig.hosts[0]!.home, 'sub'), { recursive: true });
    t.match(await run('pwd; echo "$A-$B"', { cwd: 'sub', env: { A: "x'y", B: 'ü z' } }), {
      stdout: `${rig.hosts[0]!.home}/sub\nx'y-ü z`,
    });
    t.match(await run('pwd', { cwd: '/usr' }), { stdout: '/usr' });
    t.match(await run(['env'], { exactEnv: { ONLY: 'this' } }), { stdout: 'ONLY=this' });
    await fails(t, run(['pwd'], { cwd: '/no/such' }), { reason: { type: 'exit', exitCode: 126 } });
    t.equal((await run(['env'])).stdout.includes('SLUICE_START'), false);
    t.match(await run(['cat'], { stdin: file(join(folder, 'in')) }), { stdout: 'from a file' });
    await run(['echo', 'to a file'], { stdout: file(join(folder, 'out')) });
    t.equal(readFileSync(join(folder, 'out'), 'utf8'), 'to a file\n');
    await fails(t, run(['cat'], { stdin: file(join(folder, 'none')) }), {
      reason: { type: 'file', path: join(folder, 'none') },
    });
  });

  t.test('commands that fit in no argument', async (t) => {
    t.match(await run(`${comment}echo "$#-$A"; exit 7`, { unchecked: true, env: { A: "x'y" } }), {
      exitCode: 7,
      stdout: "0-x'y",
      stderr: '',
    });
    t.match(await run(`${comment}cat; pwd`, { stdin: 'a\nb\n', cwd: '/usr' }), { stdout: 'a\nb\n/usr', stderr: '' });
    const words = Array.from({ length: 20_000 }, (_, index) => `it's ${index}`);
    t.match(await run(['printf', '%s,', ...words]), { stdout: `${words.join(',')},` });
    t.match(await run(['sh', '-c', 'echo "$#"; cat', 'sh', ...words], { stdin: 'in' }), { stdout: '20000\nin' });
    await fails(t, run(['echo', 'x'.repeat(200_000)]), { reason: { type: 'exit', exitCode: 126 } });
  });

  t.test('arguments arrive as they are', async (t) => {
    const word = fc
      .oneof(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'grapheme-ascii' }),
        fc.constantFrom("'", '\\', '!', '\n', '$(x)', '-n', ''),
      )
      .filter((text) => !text.includes('\0') && !/\p{Surrogate}/u.test(text));
    const samples = fc.sample(fc.array(word, { minLength: 1, maxLength: 8 }), 200);
    const script = 'for a; do printf "%s\\0" "$a"; done';
    const results = await runCommandGens(
      samples.map((words) => ssh('h1', ['sh', '-c', script, 'sh', ...words], { ...options, stripFinalNewline: false })),
      { slots: 8 },
    );
    for (const [i, { stdout }] of results.entries()) t.same(stdout.split('\0').slice(0, -1), samples[i]);
  });

  t.test('L6: killed, all that it has started ends too, in whatever group', async (t) => {
    for (const [stdin, before] of [
      ['ignore', ''],
      ['text', ''],
      ['ignore', comment],
      ['text', comment],
    ] as const) {
      const [a, b, c] = [seconds(), seconds(), seconds()];
      const command = `${before}trap '' TERM; sleep ${a} & timeout 9999 sleep ${b} & echo up; sleep ${c}`;
      const killed = runCommandGens([
        function* () {
          const one = yield* spawnRun(
            ssh('h1', command, { ...options, grace: '100ms', ...(stdin === 'text' ? { stdin } : {}) }),
          );
          yield* until(one, /up/);
          for (const time of [a, b, c]) yield* promise(() => soon(time, () => running(`sleep ${time}`).length > 0));
          one.kill();
          try {
            yield* one.join();
          } catch (error) {
            return error;
          }
          return undefined;
        },
      ]);
      const [error] = await killed;
      t.match(error, { reason: { type: 'killed' } });
      for (const time of [a, b, c]) await soon(`sleep ${time} ends`, () => running(`sleep ${time}`).length === 0);
    }
  });

  t.test('L6: a loop that is killed ends what it runs there, by the connection that it ends with it', async (t) => {
    for (const stdin of ['ignore', 'text'] as const) {
      const time = seconds();
      let up = (): void => {};
      const begun = new Promise<void>((resolve) => (up = resolve));
      const more = { stdout: () => up(), ...(stdin === 'text' ? { stdin } : {}) };
      const loop = runCommandGens([ssh('h1', `echo up; sleep ${time}`, { ...options, ...more, grace: '60s' })]);
      loop.catch(() => {});
      await begun;
      await soon('it sleeps', () => running(`sleep ${time}`).length > 0);
      const before = performance.now();
      loop.kill('me');
      await t.rejects(loop, { name: 'RunError', reason: { type: 'killed', by: 'me' } });
      t.ok(performance.now() - before < 30_000, `${stdin}: in ${performance.now() - before} ms`);
      await soon('it has ended there', () => running(`sleep ${time}`).length === 0);
    }
  });

  t.test('L6: nothing is left there of a Node that was killed', async (t) => {
    const [a, b] = [seconds(), seconds()];
    const script = `
      import { runCommandGens, ssh } from ${JSON.stringify(library)};
      const options = ${JSON.stringify(options)};
      let up = 0;
      const stdout = () => { if (++up === 2) console.log('ready'); };
      await runCommandGens([
        ssh('h1', 'echo up; sleep ${a}', { ...options, stdout }),
        ssh('h2', 'cat >/dev/null & echo up; sleep ${b}', { ...options, stdout, stdin: 'x' }),
      ]);`;
    const host = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => host.stdout.once('data', resolve));
    const masters = descendants(host.pid!);
    host.kill('SIGKILL');
    for (const time of [a, b]) await soon(`sleep ${time} ends`, () => running(`sleep ${time}`).length === 0);
    await soon('its masters end', () => !masters.some(isAlive));
    t.pass();
  });

  t.test('what was put in the background on purpose stays, and holds nobody', async (t) => {
    const time = seconds();
    t.match(await run(`sleep ${time} >/dev/null 2>&1 & echo started`), { stdout: 'started' });
    await soon('it stays', () => running(`sleep ${time}`).length === 1);
    for (const pid of running(`sleep ${time}`)) process.kill(pid, 'SIGKILL');
    // One that holds stdout.
    const other = seconds();
    t.match(await run(`sleep ${other} & echo started`), { stdout: 'started' });
    for (const pid of running(`sleep ${other}`)) process.kill(pid, 'SIGKILL');
  });

  t.test('a host that is out of reach', async (t) => {
    const refusing = await refuses(rig, 'refuses');
    const nobody = await silent(rig, 'silent');
    const connection = (phase: string) => ({ reason: { type: 'connection', phase, sent: 'no' } });
    await fails(t, run(['true'], {}, 'refuses'), connection('connect'));
    await fails(t, run(['true'], { connectTimeout: '1s' }, 'silent'), connection('connect'));
    await fails(t, run(['true'], {}, 'no-such-host.invalid'), connection('resolve'));
    await fails(
      t,
      run(['true'], {
        knownHosts: ['h1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
      }),
      connection('host key'),
    );
    await fails(t, run(['true'], { user: 'nobody-here' }), connection('auth'));
    await refusing.stop();
    await nobody.stop();
  });

  t.test('a connection that is lost: what came is told, and the next command connects again', async (t) => {
    const result = runCommandGens([
      function* () {
        const one = yield* spawnRun(ssh('h2', 'echo begun; sleep 7999', options));
        yield* until(one, /begun/);
        rig.hosts[1]!.killSessions();
        let error: unknown;
        try {
          yield* one.join();
        } catch (caught) {
          error = caught;
        }
        const { stdout } = yield* ssh('h2', ['echo', 'again'], options);
        return { error, stdout };
      },
    ]);
    const [{ error, stdout }] = (await result) as [{ error: unknown; stdout: string }];
    t.match(error, { reason: { type: 'connection', phase: 'lost', sent: 'maybe' }, stdout: 'begun' });
    t.equal(stdout, 'again');
    await soon('the remote command ends', () => running('sleep 7999').length === 0);
  });

  t.test('a cable that is cut is noticed by the keepalive', async (t) => {
    const wire = await relay(rig, rig.hosts[0]!, { name: 'wire' });
    const given = { ...options, options: { ServerAliveInterval: 1, ServerAliveCountMax: 1 } };
    const [error] = (await runCommandGens([
      function* () {
        const one = yield* spawnRun(ssh('wire', 'echo begun; sleep 7998', given));
        yield* until(one, /begun/);
        wire.cut();
        try {
          return yield* one.join();
        } catch (caught) {
          return caught;
        }
      },
    ])) as [unknown];
    t.match(error, { reason: { type: 'connection', phase: 'lost', sent: 'maybe' } });
    await wire.stop();
  });

  t.test('more commands than the server takes sessions, or logins', { skip }, async (t) => {
    const six = [1, 2, 3, 4, 5, 6];
    const sessions = await all(six.map((n) => ssh('h3', `echo ${n}`, options))).run();
    t.same(
      sessions.map(({ stdout }) => stdout),
      six.map(String),
    );
    // A lane's shell doesn't keep the only one for itself.
    const [outputs] = await runCommandGens([
      function* () {
        const found: string[] = [];
        for (const stdin of [undefined, 'in', undefined, 'in'])
          found.push(
            (yield* ssh('h3', 'cat; echo done', { ...options, ...(stdin === undefined ? {} : { stdin }) })).stdout,
          );
        return found;
      },
    ]);
    t.same(outputs, ['done', 'indone', 'done', 'indone']);
    const logins = await Promise.all(six.map((n) => run(`echo ${n}`, {}, 'h4')));
    t.same(
      logins.map(({ stdout }) => stdout),
      six.map(String),
    );
  });

  t.test('via.ssh for a subtree; a pipe there', async (t) => {
    const where = function* () {
      const { stdout } = yield* program('echo $SSH_CONNECTION | cut -d" " -f3');
      const { stdout: folder } = yield* within({ cwd: '/', env: { X: '1' } }, program('echo $PWD$X'));
      return [stdout, folder];
    };
    const settings = { config: rig.config, ...(more.transport && { transport: more.transport }) };
    t.same(await within({ via: via.ssh('h2', settings) }, where).run(), [rig.hosts[1]!.address, '/1']);
    const piped = pipe(program(['echo', 'abc']), program(['tr', 'a-c', 'x-z']));
    t.match(await within({ via: via.ssh('h2', settings) }, piped).run(), { stdout: 'xyz' });
  });

  const shared = !unable.includes('one login at a jump host');
  t.test(shared ? 'a jump: one login there for all behind it' : 'a jump', { skip }, async (t) => {
    const given = { ...options, jump: 'h1' };
    const before = rig.hosts[0]!.log().match(/Accepted publickey/g)?.length ?? 0;
    const results = await all(
      [1, 2, 3, 4].map((n) => ssh('h2', `echo ${n}`, { ...given, env: { N: String(n) } })),
    ).run();
    t.same(
      results.map(({ stdout }) => stdout),
      ['1', '2', '3', '4'],
    );
    const after = rig.hosts[0]!.log().match(/Accepted publickey/g)?.length ?? 0;
    t.equal(after - before, shared ? 1 : 4);
  });

  t.test('so is one that the configuration has', { skip }, async (t) => {
    const hosts = [5, 6, 7].map((n) => `behind${n}`);
    for (const name of hosts)
      rig.entry({
        name,
        address: rig.hosts[1]!.address,
        port: rig.hosts[1]!.port,
        publicKey: rig.hosts[1]!.publicKey,
        ssh: ['ProxyJump h1'],
      });
    const logins = (): number => rig.hosts[0]!.log().match(/Accepted publickey/g)?.length ?? 0;
    const before = logins();
    const results = await all(hosts.map((name) => ssh(name, 'echo here', { ...options }))).run();
    t.same(
      results.map(({ stdout }) => stdout),
      ['here', 'here', 'here'],
    );
    t.equal(logins() - before, shared ? 1 : 3);
  });

  t.test('options that can’t be', (t) => {
    t.throws(() => ssh('h1', ['true'], { options: { StrictHostKeyChecking: 'no' } }), {
      name: 'TypeError',
      message: /knownHosts/,
    });
    t.throws(() => ssh('h1', ['true'], { options: { ControlPath: '/x' } }), TypeError);
    t.throws(() => ssh('h1', ['true'], { nonsense: 1 } as never), { name: 'TypeError', message: /nonsense/ });
    t.throws(() => ssh('-oProxyCommand=x', ['true']), TypeError);
    t.throws(() => ssh('', ['true']), TypeError);
    t.throws(() => ssh(7 as never, ['true']), TypeError);
    t.end();
  });

  // Its sshds keep Node from coming to its end, at which a hook would be called.
  t.test('the rig is stopped', () => rig.stop());
}
