import { createRunner, milliseconds, type Duration, type Exit, type Runner } from '../kernel/index.ts';
import { checkOptions, toldNumber } from '../kernel/options.ts';
import { toHost, type Host } from '../ssh/host.ts';
import { checkSettings, SETTINGS, settingsAmong, type SshSettings } from '../ssh/settings.ts';
import { Errand } from './errand.ts';
import { untilUp } from './up.ts';

/** Every shell that can be told by it answers with its name. */
const HELLO = 'echo sluice $0';
const SH = /^sluice -?(?:\/\S*\/)?(?:sh|bash|dash|ash)$/m;

const hasSucceeded = (exit: Exit): boolean => exit.type === 'exit' && exit.exitCode === 0;

/** How `ready` waits, and how the host is connected to. */
export interface ReadyOptions extends SshSettings {
  /** Fails with the reason `timeout` when it takes longer. Default '5m'. */
  readonly within?: Duration;
  /**
   * A machine that boots may show its sshd before it has our key: a login that is refused is tried again for so long. Default
   * '60s'.
   */
  readonly bootWindow?: Duration;
}

/**
 * Waits until ssh can log in to a host and run a command: `yield* ready('web01', { within: '5m' })`. The connection stays for
 * what comes next.
 *
 * Fails with the reason `timeout`, whose message says what was in the way last; and at once with the reason `connection` where no
 * waiting helps: the name is not known (phase 'resolve'), the host key is another ('host key'), the configuration is wrong
 * ('session'), the login is refused for longer than `bootWindow` ('auth').
 */
export function ready(what: Host | string, options: ReadyOptions = {}): Runner<void> {
  const host = toHost(what);
  checkOptions('ready', options, ['within', 'bootWindow', ...SETTINGS]);
  const settings = settingsAmong(options);
  checkSettings('ready', settings);
  const within = milliseconds(options.within ?? '5m', 'ready: within');
  const bootWindow = milliseconds(options.bootWindow ?? '60s', 'ready: bootWindow');
  return createRunner<void>({
    spec: { type: 'ready', host: host.name, within: toldNumber(within) },
    label: `ready ${host.name}`,
    leaf: true,
    start: (sink, context) =>
      new Errand<void>(host, settings, within, sink, context, async (errand) => {
        await untilUp(errand, settings, {
          bootWindow,
          argv: [HELLO],
          asIs: true,
          async amiss({ exit, stdout }) {
            if (SH.test(stdout)) errand.there.readsSh();
            if (hasSucceeded(exit)) return undefined;
            // Not every login shell knows $0.
            const second = await errand.run(['true']);
            if (hasSucceeded(second.exit)) return undefined;
            const said = (second.stderr + second.stdout).trim().split('\n').at(-1)!.slice(0, 200);
            return `logged in, but no command can be run${said && `: ${said}`}`;
          },
        });
      }),
  });
}
