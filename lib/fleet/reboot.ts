import { createRunner, milliseconds, type Duration, type Runner } from '../kernel/index.ts';
import { checkOptions, toldNumber } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { Answer } from '../ssh/ask.ts';
import { toHost, type Host } from '../ssh/host.ts';
import { checkSettings, SETTINGS, settingsAmong, type SshSettings } from '../ssh/settings.ts';
import { Errand } from './errand.ts';
import { untilUp } from './up.ts';

/** How a host is rebooted, and connected to. */
export interface RebootOptions extends SshSettings {
  /** Fails with the reason `timeout` when it takes longer. Default '10m'. */
  readonly within?: Duration;
  /** A login that is refused after the boot is tried again for so long. Default '60s'. */
  readonly bootWindow?: Duration;
  /** For the remote shell. Default: `systemctl reboot || reboot || shutdown -r now`. */
  readonly command?: string;
  /** For the remote shell: prints what is different after each boot. Default: Linux's boot id, else the time of the boot. */
  readonly bootId?: string;
}

const REBOOT = 'systemctl reboot || reboot || shutdown -r now';
const BOOT_ID = 'cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime 2>/dev/null || who -b';
/** A machine that goes down may not answer, and may not say so. */
const PATIENCE = 5000; // ms
/** Between two looks at whether it is still up. */
const LOOK = 500; // ms

/**
 * Reboots a host and waits until ssh can log in to another boot of it: `yield* reboot('web01', { within: '10m' })`. That the
 * connection is lost meanwhile is no failure; other commands on that host are lost as well.
 *
 * Fails as `ready` does, with the reason `exit` where the command fails and with `reply` where the host does not say which boot it
 * is in.
 */
export function reboot(what: Host | string, options: RebootOptions = {}): Runner<void> {
  const host = toHost(what);
  checkOptions('reboot', options, ['within', 'bootWindow', 'command', 'bootId', ...SETTINGS]);
  const settings = settingsAmong(options);
  checkSettings('reboot', settings);
  const { command = REBOOT, bootId = BOOT_ID } = options;
  for (const [name, text] of Object.entries({ command, bootId }))
    if (typeof text !== 'string' || text.trim() === '')
      throw new TypeError(`reboot: ${name} is a command of the remote shell, not ${show(text)}`);
  const within = milliseconds(options.within ?? '10m', 'reboot: within');
  const bootWindow = milliseconds(options.bootWindow ?? '60s', 'reboot: bootWindow');
  return createRunner<void>({
    spec: {
      ...{ type: 'reboot', host: host.name, command },
      within: toldNumber(within),
    },
    label: `reboot ${host.name}`,
    leaf: true,
    start: (sink, context) =>
      new Errand<void>(host, settings, within, sink, context, async (errand) => {
        const argv = ['/bin/sh', '-c', bootId] as const;
        const before = idOf(errand, await connected(errand, errand.run(argv)));
        const socket = await errand.step(errand.there.connection.ready(), () => {});
        await goDown(errand, command, socket);
        await untilGone(errand, argv, before, socket);
        await untilUp(errand, settings, {
          ...{ bootWindow, argv },
          amiss: (answer) => {
            const id = answer.stdout.trim();
            if (id === '') return 'it does not say yet which boot it is in';
            return id === before ? 'it is still in the boot from before' : undefined;
          },
        });
      }),
  });
}

/** An answer for which there was a connection. */
async function connected(errand: Errand<any>, asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  const { exit } = answer;
  if (exit.type === 'exit') return answer;
  if (exit.type === 'lost')
    throw errand.error({ type: 'connection', phase: exit.phase, sent: exit.sent }, { cause: exit.error });
  throw errand.error({ type: 'spawn', code: exit.code }, { cause: exit.error });
}

function idOf(errand: Errand<any>, { stdout, stderr }: Answer): string {
  const id = stdout.trim();
  if (id !== '') return id;
  const hint = 'the host does not say which boot it is in: give a command that does as bootId';
  throw errand.error({ type: 'reply' }, { hint, stderr });
}

/** The command's end is waited for if there is one: the machine may be faster. */
async function goDown(errand: Errand<any>, command: string, socket: string): Promise<void> {
  errand.because('the command to reboot is given');
  const answer = await errand.run(['/bin/sh', '-c', command], { detach: true, atMost: PATIENCE });
  if (answer === undefined) await drop(errand, socket);
  else if (answer.exit.type === 'exit' && (answer.exit.exitCode ?? 0) !== 0)
    throw errand.error({ type: 'exit', exitCode: answer.exit.exitCode! }, { stderr: answer.stderr });
}

/** Until it is in another boot, or the connection is lost. */
async function untilGone(
  errand: Errand<any>,
  argv: readonly [string, ...string[]],
  before: string,
  socket: string,
): Promise<void> {
  for (;;) {
    const answer = await errand.run(argv, { atMost: PATIENCE });
    if (answer === undefined) {
      errand.because('it does not answer any more');
      return drop(errand, socket);
    }
    if (answer.exit.type !== 'exit') {
      errand.because('the connection was lost, as it should be');
      return;
    }
    const id = answer.stdout.trim();
    if (id !== '' && id !== before) return;
    errand.because('it has not gone down yet');
    await errand.wait(LOOK);
  }
}

/** Ends a connection whose other end has gone without a word: keepalives would take a minute to find out. */
async function drop(errand: Errand<any>, socket: string): Promise<void> {
  await errand.runHere(['ssh', '-F', 'none', '-S', socket, '-O', 'exit', '--', 'reboot']);
}
