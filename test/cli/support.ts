// Runs the real binary, dist/bin/sluice.js.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const bin = fileURLToPath(new URL('../../dist/bin/sluice.js', import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Where {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

const environment = (env: Record<string, string> = {}): NodeJS.ProcessEnv => {
  const { FORCE_COLOR: _force, NO_COLOR: _no, NODE_OPTIONS: _options, ...rest } = process.env;
  return { ...rest, ...env };
};

/** Runs `sluice` with these arguments to its end. */
export function sluice(args: readonly string[], { cwd, env }: Where = {}): Ended {
  const { status, signal, stdout, stderr, error } = spawnSync(process.execPath, [bin, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: environment(env),
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  return { status, signal, stdout, stderr };
}

/** A sluice that runs. */
export interface Living {
  readonly pid: number;
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream & { destroy(): void };
  readonly ended: Promise<Ended>;
  /** Resolves when its output, both streams together, has this in it. Rejects when it ends without. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
}

/** Starts a command, by default `sluice`. */
export function start(args: readonly string[], { cwd, env }: Where = {}, command = [process.execPath, bin]): Living {
  const [file, ...before] = command;
  const child = spawn(file!, [...before, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: environment(env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  let both = '';
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      both += text;
      for (const look of waiting) look();
    });
  }
  child.stdin.on('error', () => {});
  let over = false;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      over = true;
      resolve({ status, signal, ...output });
      for (const look of waiting) look();
    });
  });
  return {
    pid: child.pid!,
    stdin: child.stdin,
    stdout: child.stdout,
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(both);
          if (found === null && !over) return;
          waiting.delete(look);
          if (found === null) reject(new Error(`it never said ${String(pattern)}, but:\n${both}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
    signal: (signal) => child.kill(signal),
  };
}

/** A folder outside of any package, with these files. */
export function outside(t: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Whether a process lives; a zombie does not. */
export function lives(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
}
