import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface Guard {
  /** A process that is to end with this one. */
  add(pid: number): void;
  /** All has been ended in order. */
  end(): Promise<void>;
}

/** A process that outlives this one, whatever kills it, and ends what the rig has started. */
export function guard(folder: string, mark: string): Guard {
  const script = fileURLToPath(new URL('guard.sh', import.meta.url));
  const child = spawn('sh', [script, folder, mark, String(process.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as Socket).unref();
  return {
    add: (pid) => void child.stdin.write(`${pid}\n`),
    end: async () => {
      const ended = once(child, 'close');
      child.ref();
      child.kill('SIGKILL');
      child.stdin.destroy();
      await ended;
    },
  };
}
