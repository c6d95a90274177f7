// Ways to run `true` from Node: each is loaded by `await way()`, and then a function that starts it, collects stdout and stderr
// through pipes, waits for its end and gives the exit code. Other packages are called as their users do, without options.
import { spawn } from 'node:child_process';

/** Calls `over` once all of the streams are closed and `exited` was called. */
function whenOver(streams, chunks, over) {
  let open = streams.length + 1;
  const done = () => --open === 0 && over();
  for (const stream of streams) stream.on('data', (chunk) => chunks.push(chunk)).on('close', done);
  return done;
}

/** What `program` stands on, without anything of a run around it. */
export async function posix() {
  // Not a part of what the package exports.
  const { posixSpawner } = await import('sluice');
  const cwd = process.cwd();
  const command = {
    argv: ['true'],
    cwd,
    env: undefined,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    session: true,
  };
  return () =>
    new Promise((resolve, reject) => {
      const chunks = [];
      let done;
      let exit;
      const child = posixSpawner.spawn(
        command,
        () => {
          done = whenOver([child.stdout, child.stderr], chunks, () => {
            child.release();
            resolve(exit.exitCode);
          });
        },
        (ended) => {
          if (ended.type === 'error') return reject(ended.error);
          exit = ended;
          done();
        },
      );
    });
}

/** As execa is started by lib/spawn/execa.ts, and then all that it takes to know that it has ended and what it wrote. */
export async function bareExeca() {
  const { execa } = await import('execa');
  const env = process.env;
  return () =>
    new Promise((resolve) => {
      const child = execa('true', [], {
        ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe', cwd: process.cwd(), env, detached: true },
        ...{ extendEnv: true, verbose: 'none', buffer: false, reject: false, cleanup: false, stripFinalNewline: false },
      });
      const { stdout, stderr, stdio } = child;
      stdio.fill(null);
      let code;
      const done = whenOver([stdout, stderr], [], () => resolve(code));
      child.catch(() => {});
      child.once('exit', (exitCode) => {
        code = exitCode;
        done();
      });
    });
}

export async function childProcess() {
  return () =>
    new Promise((resolve, reject) => {
      const child = spawn('true', { stdio: ['ignore', 'pipe', 'pipe'] });
      const chunks = [];
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
      child.on('error', reject).on('close', resolve);
    });
}

export async function execa() {
  const { execa } = await import('execa');
  return async () => (await execa('true')).exitCode;
}

export async function zx() {
  const { $ } = await import('zx');
  return async () => (await $({ quiet: true })`true`).exitCode;
}

export async function tinyexec() {
  const { x } = await import('tinyexec');
  return async () => (await x('true')).exitCode;
}

export async function nanoSpawn() {
  const { default: nanoSpawn } = await import('nano-spawn');
  return async () => {
    await nanoSpawn('true'); // fails unless the exit code is 0
    return 0;
  };
}
