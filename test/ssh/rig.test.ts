import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import t from 'tap';
import * as rigs from './rig/rig.ts';
import { isAlive, until } from './rig/procs.ts';
import type { Rig, RigOptions } from './rig/rig.ts';

const skip = rigs.sshdMissing() ?? false;

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** Of ssh: the command's, or 255. */
  readonly code: number;
}

/** A real ssh. */
function ssh(rig: Rig, args: readonly string[], input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const all = ['-F', rig.config, '-o', 'BatchMode=yes', ...args];
    const child = execFile('ssh', all, { encoding: 'utf8' }, (error, stdout, stderr) => {
      resolve({ stdout, stderr, code: error === null ? 0 : Number(error.code) });
    });
    child.stdin!.on('error', () => {});
    child.stdin!.end(input);
  });
}

async function rigOf(t: { teardown(end: () => unknown): unknown }, options: RigOptions = {}): Promise<Rig> {
  const rig = await rigs.startRig(options);
  t.teardown(() => rig.stop());
  return rig;
}

/** A command that has begun, and goes on until it is ended. */
async function running(rig: Rig, args: readonly string[], command = 'echo begun; sleep 1000') {
  const child = spawn('ssh', ['-F', rig.config, '-o', 'BatchMode=yes', ...args, command], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended.then(() => [undefined])]);
  return { child, ended, line: line as string | undefined, stderr: () => stderr };
}

t.test('a host runs commands in a home of its own', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: [{}, { env: { COLOUR: 'dark blue' } }] });
  for (const host of rig.hosts) {
    const ended = await ssh(rig, [host.name, 'echo "$HOME"; pwd; echo "$PATH"; echo "$COLOUR"; exit 7']);
    t.match(ended, { code: 7, stdout: `${host.home}\n${host.home}\n${host.home}/bin:`, stderr: '' });
    t.equal(ended.stdout.split('\n')[3], host.name === 'h2' ? 'dark blue' : '');
    t.match(host.log(), 'Accepted publickey');
  }
  await Promise.all([rig.stop(), rig.stop()]);
  t.notOk(existsSync(rig.folder));
});

t.test('scp and sftp begin in the home too', { skip }, async (t) => {
  const rig = await rigOf(t);
  for (const way of ['-O', '-s']) {
    await new Promise((resolve) => {
      execFile('scp', [way, '-F', rig.config, rig.config, `h1:copied${way}`], resolve);
    });
    t.equal(readFileSync(join(rig.hosts[0]!.home, `copied${way}`), 'utf8'), readFileSync(rig.config, 'utf8'));
  }
});

t.test('50 hosts', { skip }, async (t) => {
  const began = performance.now();
  const rig = await rigOf(t, { hosts: 50 });
  t.comment(`up after ${Math.round(performance.now() - began)} ms`);
  t.equal(new Set(rig.hosts.map((host) => host.pid)).size, 50);
  t.match(await ssh(rig, ['h50', 'echo "$HOME"']), { stdout: rig.hosts[49]!.home });
  const stopping = performance.now();
  await rig.stop();
  t.comment(`down after ${Math.round(performance.now() - stopping)} ms`);
});

t.test('what a session leaves behind is seen, and ended with the rig', { skip }, async (t) => {
  const rig = await rigOf(t);
  const host = rig.hosts[0]!;
  const { stdout } = await ssh(rig, ['h1', 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!']);
  await until('the session has ended', () => host.sessions().length === 0);
  t.same(host.commands(), [Number(stdout)]);
  await rig.stop();
  t.notOk(isAlive(Number(stdout)));
});

t.test('a rig whose process is killed leaves nothing', { skip }, async (t) => {
  const script = `
    import { startRig } from ${JSON.stringify(new URL('rig/rig.ts', import.meta.url).href)};
    import { execFile } from 'node:child_process';
    const rig = await startRig({ hosts: 2 });
    execFile('ssh', ['-F', rig.config, 'h1', 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!; sleep 1000'])
      .stdout.once('data', (left) => console.log(JSON.stringify([rig.folder, ...rig.hosts.map((host) => host.pid), +left])));
    setInterval(() => {}, 1e9);`;
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  const [folder, ...pids] = JSON.parse(String(line)) as [string, ...number[]];
  t.ok(pids.every(isAlive));
  child.kill('SIGKILL');
  await until('nothing is left', () => !pids.some(isAlive) && !existsSync(folder));
});

t.test('hosts that go wrong by themselves', { skip }, async (t) => {
  const rig = await rigOf(t, {
    hosts: [
      {},
      { name: 'otherKey', known: 'other' },
      { name: 'unknownKey', known: 'none' },
      { name: 'otherUser', identity: 'other' },
      { name: 'late', down: true },
      { name: 'behind', ssh: ['ProxyJump h1'] },
    ],
  });
  const { hosts } = rig;
  t.match(await ssh(rig, ['otherKey', 'true']), { code: 255, stderr: 'Host key verification failed' });
  t.match(await ssh(rig, ['unknownKey', 'true']), { code: 255, stderr: /No \S+ host key is known for/ });
  t.match(await ssh(rig, ['otherUser', 'true']), { code: 255, stderr: 'Permission denied (publickey)' });

  t.match(await ssh(rig, ['late', 'true']), { code: 255, stderr: 'Connection refused' });
  await hosts[4]!.boot();
  t.match(await ssh(rig, ['late', 'true']), { code: 0 });
  await hosts[4]!.stop();
  t.match(await ssh(rig, ['late', 'true']), { code: 255, stderr: 'Connection refused' });
  await hosts[4]!.boot();
  t.match(await ssh(rig, ['late', 'true']), { code: 0 }, 'it keeps its address and its key');

  t.match(await ssh(rig, ['behind', 'echo "$HOME"']), { code: 0, stdout: hosts[5]!.home });
  t.match(hosts[0]!.log(), 'Accepted publickey');
});

t.test('addresses where no sshd answers', { skip }, async (t) => {
  const rig = await rigOf(t, { hosts: 0, ssh: ['ConnectTimeout 1'] });
  rigs.refuses(rig);
  const bads = await Promise.all([rigs.silent(rig), rigs.stalls(rig), rigs.hangsUp(rig)]);
  t.equal(new Set(bads.map((bad) => bad.address)).size, 3);
  const said = async (name: string) => (await ssh(rig, ['-v', name, 'true'])).stderr;
  const [refuses, silent, hangsUp] = await Promise.all(['refuses', 'silent', 'hangsUp'].map(said));
  t.match(refuses, 'Connection refused');
  t.match(silent, 'Connection timed out during banner exchange');
  t.match(hangsUp, /Connection (closed|reset)/);

  // ConnectTimeout ends with the banner: ssh would wait for ever.
  const stalled = spawn('ssh', ['-F', rig.config, '-v', 'stalls', 'true'], { stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of createInterface(stalled.stderr)) if (line.includes('SSH2_MSG_KEXINIT sent')) break;
  t.equal(stalled.exitCode, null);
  stalled.kill();
});

t.test('limits of sshd', { skip }, async (t) => {
  const rig = await rigOf(t, {
    hosts: [{ config: ['MaxSessions 1'] }, { config: ['MaxSessions 2'] }, { config: ['MaxStartups 2:100:2'] }],
  });
  for (const [name, sessions] of [['h1', 1] as const, ['h2', 2] as const]) {
    const master = ['-o', `ControlPath=${join(rig.folder, `${name}.mux`)}`];
    const first = await running(rig, [...master, '-o', 'ControlMaster=yes', name]);
    const others = [];
    for (let i = 1; i < sessions; i++) others.push(await running(rig, [...master, '-o', 'ControlMaster=no', name]));
    t.ok([first, ...others].every(({ line }) => line === 'begun'));
    const one = await running(rig, [...master, '-o', 'ControlMaster=no', '-o', 'ProxyCommand=false', name]);
    t.match(one.stderr(), 'Session open refused by peer', `${name} takes no more`);
    for (const { child } of [...others, first]) child.kill();
    await first.ended;
  }
  const { address, port } = rig.hosts[2]!;
  const waiting = [connect(port, address), connect(port, address)];
  await Promise.all(waiting.map((socket) => once(socket, 'data')));
  t.match(await ssh(rig, ['h3', 'true']), { code: 255, stderr: 'kex_exchange_identification' });
  for (const socket of waiting) socket.destroy();
});

t.test('sessions are killed, and frozen', { skip }, async (t) => {
  const rig = await rigOf(t);
  const host = rig.hosts[0]!;
  const first = await running(rig, ['h1']);
  t.ok(host.sessions().length >= 1);
  t.ok(host.commands().length >= 1);
  host.killSessions();
  t.equal(await first.ended, 255);
  t.match(await ssh(rig, ['h1', 'true']), { code: 0 }, 'the listener goes on');

  host.freeze();
  t.match(await ssh(rig, ['-o', 'ConnectTimeout=1', 'h1', 'true']), { code: 255, stderr: 'timed out' });
  host.thaw();
  t.match(await ssh(rig, ['h1', 'true']), { code: 0 });
});

t.test('a relay delays, drops and is cut', { skip }, async (t) => {
  const rig = await rigOf(t);
  const host = rig.hosts[0]!;
  const near = await rigs.relay(rig, host);
  t.match(await ssh(rig, [near.name, 'seq 100000 | tee copy; cat >&2'], 'x'.repeat(1e6)), {
    code: 0,
    stdout: readFileSync(join(host.home, 'copy'), 'utf8'),
    stderr: 'x'.repeat(1e6),
  });
  t.ok(near.bytes.toHost > 1e6 && near.bytes.fromHost > 1.5e6);

  await rigs.relay(rig, host, { name: 'far', delay: 50 });
  const began = performance.now();
  t.match(await ssh(rig, ['far', 'seq 1000']), { code: 0, stdout: '\n999\n1000\n' });
  const ms = performance.now() - began;
  t.comment(`a first command over 100 ms of round trip takes ${Math.round(ms)} ms`);
  t.ok(ms > 600, 'a round trip each: TCP, banner, kex, user, key, session');

  const short = await rigs.relay(rig, host, { name: 'short', dropAfter: 20_000 });
  t.match(await ssh(rig, ['short', 'seq 100000']), { code: 255, stderr: /closed|reset|Broken/ });
  t.equal(short.bytes.fromHost, 20_000);

  const dropped = await running(rig, [near.name]);
  near.drop();
  t.equal(await dropped.ended, 255);

  const alive = ['-o', 'ServerAliveInterval=1', '-o', 'ServerAliveCountMax=1'];
  const cut = await running(rig, [...alive, near.name]);
  near.cut();
  t.equal(await cut.ended, 255);
  t.match(cut.stderr(), 'not responding');
  near.mend();
  t.match(await ssh(rig, [near.name, 'true']), { code: 0 });
});

t.test('a sudo that asks for a password', { skip }, async (t) => {
  const rig = await rigOf(t);
  const host = rig.hosts[0]!;
  rigs.installSudo(host, ' s3cret\\ ');
  const sudo = (line: string, input: string) => ssh(rig, ['h1', `sudo ${line}`], input);
  t.match(await sudo(`-S -p 'for %p:' -- sh -c 'echo "$SUDO_USER $RIG_SUDO"; cat'`, ' s3cret\\ \nthe rest\n'), {
    code: 0,
    stdout: / root\nthe rest\n$/,
    stderr: /^for \w+:\n$/,
  });
  t.match(await sudo('-k -S -p? -H -u root true', 'wrong\n s3cret\\ \n'), {
    code: 0,
    stderr: '?\nSorry, try again.\n?',
  });
  t.match(await sudo('-S -p? true', 'a\nb\nc\nd\n'), { code: 1, stderr: '3 incorrect password attempts' });
  t.match(await sudo('-S true', ''), {
    code: 1,
    stderr: /^\[sudo\] password for \w+: \nsudo: no password was provided/,
  });
  t.match(await sudo('-n true', ''), { code: 1, stderr: 'sudo: a password is required' });
  t.match(await sudo('true', ''), { code: 1, stderr: 'a terminal is required' });
  t.match(await sudo('-u no-such-user -S true', ''), { code: 1, stderr: 'unknown user no-such-user' });
  rigs.installSudo(host, undefined);
  t.match(await sudo('-n -H sh -c "exit 9"', ''), { code: 9, stderr: '' });
  t.match(await sudo('A=b env', ''), { code: 0, stdout: '\nA=b\n' });
});
