import type { Runner } from '../../kernel/index.ts';
import { show } from '../../kernel/runnable.ts';
import { commands, script } from './shell.ts';
import { ask, checkStep, perform, step, type Found, type StepOptions, type StepResult } from './step.ts';

/** Options of `ensureService`. What isn't given stays as it is; where neither is, it is to be running. */
export interface EnsureServiceOptions extends StepOptions {
  readonly running?: boolean;
  /** Begins when the machine does. */
  readonly enabled?: boolean;
}

/** A service, as a step finds or leaves it. */
export interface ServiceState {
  readonly running: boolean;
  readonly enabled: boolean;
}

/**
 * Says who looks after services, in which state it is and whether it is enabled. systemctl is there in containers too, where it
 * looks after nothing: it goes first where systemd runs or there is nothing else.
 */
const LOOK = script(
  'n=$1; has() { command -v "$1" >/dev/null; }',
  'if has systemctl && { [ -d /run/systemd/system ] || ! { has rc-service || has service; }; }; then ' +
    'l=$(systemctl show -p LoadState "$n") || exit 1; [ "$l" != LoadState=not-found ] || no "$n: no such service"; ' +
    'a=$(systemctl is-active "$n"); b=$(systemctl is-enabled "$n" 2>/dev/null); echo "systemd ${a:-unknown} ${b:-unknown}"; ' +
    'elif has rc-service; then rc-service -e "$n" || no "$n: no such service"; ' +
    'a=inactive; rc-service "$n" status >/dev/null 2>&1 && a=active; ' +
    'b=disabled; rc-update show default | cut -d "|" -f 1 | tr -d " " | grep -qxF -e "$n" && b=enabled; echo "openrc $a $b"; ' +
    'elif has service; then o=$(service "$n" status 2>&1); r=$?; ' +
    'case $r:$o in 4:*|*unrecognized*|*"does not exist"*|*"not found"*) no "$n: no such service" ;; esac; ' +
    'a=inactive; [ $r -ne 0 ] || a=active; b=disabled; for f in /etc/rc[2345].d/S??"$n"; do [ ! -e "$f" ] || b=enabled; done; echo "sysv $a $b"; ' +
    'else no "$n: there is neither systemctl nor rc-service nor service"; fi',
);

/** By whom, the service, `enable`, `disable` or nothing, `start`, `stop` or nothing. Enabled first: it begins at once then. */
const CHANGE = commands(
  'n=$2',
  'case $1:$3 in *:) ;; systemd:*) systemctl --no-ask-password "$3" "$n" ;; ' +
    'openrc:enable) rc-update add "$n" default ;; openrc:disable) rc-update del "$n" default ;; ' +
    '*) if command -v update-rc.d >/dev/null; then update-rc.d "$n" "$3"; ' +
    'elif command -v chkconfig >/dev/null; then case $3 in enable) chkconfig "$n" on ;; *) chkconfig "$n" off ;; esac; ' +
    'else no "$n: there is neither update-rc.d nor chkconfig"; fi ;; esac || exit',
  'case $1:$4 in *:) ;; systemd:*) systemctl --no-ask-password "$4" "$n" ;; openrc:*) rc-service "$n" "$4" ;; *) service "$n" "$4" ;; esac || exit',
);

const RUNNING = new Set(['active', 'activating', 'reloading', 'refreshing']);
/** Not of its own, as something else begins it: there is nothing to be enabled. */
const NEVER = new Set(['static', 'indirect', 'generated', 'alias', 'transient']);

/**
 * A service is running or not, and begins with the machine or not: `yield* ensureService('nginx', { running: true, enabled: true
 * })`. By systemctl, rc-service or service, whichever looks after services there.
 *
 * Fails with the reason `exit` where there is no such service or it can't be started.
 */
export function ensureService(name: string, options: EnsureServiceOptions = {}): Runner<StepResult<ServiceState>> {
  checkStep('ensureService', options, ['running', 'enabled']);
  if (typeof name !== 'string' || !/^[\w@:.\\][\w@:.\\+-]*$/.test(name))
    throw new TypeError(`ensureService: ${show(name)} is no name of a service`);
  for (const [option, value] of Object.entries({ running: options.running, enabled: options.enabled }))
    if (value !== undefined && typeof value !== 'boolean')
      throw new TypeError(`ensureService: ${option} is true or false, not ${show(value)}`);
  const { enabled } = options;
  const running = options.running ?? (enabled === undefined ? true : undefined);

  function* look(): Generator<any, Found<ServiceState>, any> {
    const answer = yield* ask(LOOK, [name], { label: `look at ${name}` });
    const [by = '', active = '', unit = ''] = answer.toString().trim().split(' ');
    const before = { running: RUNNING.has(active), enabled: /^enabled/.test(unit) };
    const starts = running === undefined || running === before.running ? '' : running ? 'start' : 'stop';
    // One for this boot alone is to be enabled, too.
    const fits = enabled === undefined || NEVER.has(unit) || (enabled ? unit === 'enabled' : !before.enabled);
    const enables = fits ? '' : enabled ? 'enable' : 'disable';
    const amiss = [
      ...(enables === '' ? [] : [`${enables}d (was ${unit})`]),
      ...(starts === '' ? [] : [`${starts === 'start' ? 'started' : 'stopped'} (was ${active})`]),
    ];
    return {
      before,
      after: {
        running: running ?? before.running,
        enabled: enables === '' ? before.enabled : enables === 'enable',
      },
      amiss,
      *change() {
        yield* perform(CHANGE, [by, name, enables, starts], `${name}: ${[enables, starts].filter(Boolean).join(', ')}`);
        return undefined;
      },
    };
  }

  const wishes = [
    ...(running === undefined ? [] : [running ? 'running' : 'not running']),
    ...(enabled === undefined ? [] : [enabled ? 'enabled' : 'not enabled']),
  ];
  return step({
    type: 'ensureService',
    subject: name,
    wish: `that ${name} is ${wishes.join(' and ')}`,
    spec: {
      name,
      ...(running === undefined ? {} : { running }),
      ...(enabled === undefined ? {} : { enabled }),
    },
    options,
    look,
  });
}
