import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { sshdMissing, startRig } from './rig/rig.ts';

const skip = sshdMissing() ?? false;

/** What a real ssh says: stdout, stderr and its exit code. */
async function ssh(config: string, ...args: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  try {
    return { ...(await promisify(execFile)('ssh', ['-F', config, '-o', 'BatchMode=yes', ...args])), code: 0 };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    return { stdout, stderr, code };
  }
}

t.test('a host runs commands in a home of its own', { skip }, async (t) => {
  const rig = await startRig({ hosts: 2 });
  t.teardown(() => rig.stop());
  for (const host of rig.hosts) {
    t.match(await ssh(rig.config, host.name, 'echo "$HOME"; pwd; echo "$PATH"; exit 7'), {
      code: 7,
      stdout: `${host.home}\n${host.home}\n${host.home}/bin:`,
      stderr: '',
    });
  }
  await rig.stop();
  t.notOk(existsSync(rig.folder));
});
