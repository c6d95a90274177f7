import { DONE } from '../kernel/running.ts';
import { resolve } from 'node:path';
import {
  createRunner,
  killedError,
  systemClock,
  type Context,
  type Json,
  type Outcome,
  type Runner,
  type Running,
  type Sink,
} from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import type { RunRecord } from '../kernel/run.ts';
import { task } from '../compose/task.ts';
import { ask } from '../ssh/ask.ts';
import { ConnectionError } from '../ssh/failure.ts';
import { forward, watchMaster, type End, type Forwarding, type Held } from '../ssh/forwarding.ts';
import { toHost, type Host } from '../ssh/host.ts';
import { checkSettings, SETTINGS, settingsAmong, type SshSettings } from '../ssh/settings.ts';
import { sharedBy } from '../ssh/transport.ts';
import { Errand } from './errand.ts';

/** A port, `host:port`, or the path of a unix socket (it has a '/'). */
export type TunnelEnd = number | string;

/** What a tunnel joins, and how the host is connected to. */
export interface TunnelOptions extends SshSettings {
  /** This machine's end. Where it listens, the default is a free port of 127.0.0.1; a port alone is one of 127.0.0.1. */
  readonly local?: TunnelEnd;
  /** The host's end, as seen from there; a port alone is one of its localhost. */
  readonly remote?: TunnelEnd;
  /** Listens at `remote` (default: a free port of its localhost) and leads to `local`. */
  readonly reverse?: boolean;
  /** Listens at `local` as a SOCKS proxy, whose connections begin on the host. */
  readonly socks?: boolean;
}

/** Where a tunnel listens. */
export interface Listening {
  /** Or the path of a unix socket. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
}

type Body<T> = (listening: Listening) => Generator<any, T, any> | AsyncGenerator<any, T, any>;

/**
 * A way through a host, for as long as the body runs:
 *
 * ```ts
 * yield* tunnel('bastion', { remote: 'db:5432' }, function* ({ address, port }) {
 *   yield* program(['psql', '-h', address, '-p', port, '-c', 'select 1']);
 * });
 * ```
 *
 * Without a body it is there until it is killed; its one item is where it listens: `const run = yield* spawn(tunnel(…)); const
 * { item } = yield* run.next()`. Connections that are open at the end go on while the host's connection does.
 *
 * Fails with the reason `connection`: as `ssh` does, with phase 'session' where it can't listen there, with 'lost' when the
 * connection is lost (the body is killed then).
 */
export function tunnel<T>(host: Host | string, options: TunnelOptions, body: Body<T>): Runner<T>;
export function tunnel(host: Host | string, options: TunnelOptions): Runner<void, Listening>;
export function tunnel(what: Host | string, options: TunnelOptions, body?: Body<any>): Runner<any, any> {
  const host = toHost(what);
  checkOptions('tunnel', options, ['local', 'remote', 'reverse', 'socks', ...SETTINGS]);
  const settings = settingsAmong(options);
  checkSettings('tunnel', settings);
  if ((settings as { transport?: string }).transport === 'client')
    throw new TypeError(`tunnel: it needs the connection of the transport 'mux'; leave transport out`);
  if (body !== undefined && typeof body !== 'function')
    throw new TypeError(`tunnel: the body is a generator function of where it listens, not ${show(body)}`);
  const forwarding = forwardingOf(options);
  const told = Object.fromEntries(
    (['local', 'remote', 'reverse', 'socks'] as const)
      .filter((name) => options[name] !== undefined)
      .map((name): [string, Json] => [name, options[name]!]),
  );
  return createRunner<any, any>({
    spec: { type: 'tunnel', host: host.name, ...told },
    label: `tunnel ${host.name}`,
    start: (sink, context) => {
      const own = absolute(forwarding, context);
      if ((context as unknown as RunRecord).ambient.dryRun) {
        if (body !== undefined) return context.start(task(body, shown(own.listen)), sink as never);
        sink.settle({ type: 'finished', value: undefined });
        return DONE;
      }
      return new Errand<any>(host, settings, Infinity, sink, context, (errand) =>
        hold(errand, own, sink, context, body),
      );
    },
  });
}

async function hold(
  errand: Errand<any>,
  forwarding: Forwarding,
  sink: Sink<any, any>,
  context: Context,
  body: Body<any> | undefined,
): Promise<unknown> {
  const { exit } = await errand.run(['true']);
  if (exit.type !== 'exit') throw errand.unconnected(toConnectionError(exit.error));
  const shared = sharedBy(errand.there.connection).catch((error: Error) => {
    throw errand.unconnected(toConnectionError(error));
  });
  const socket = await errand.step(shared, () => {});
  let use: Use | undefined;
  let lost = false;
  const unwatch = watchMaster(socket, () => {
    lost = true;
    use?.stop('connection lost');
  });
  let held: Held | undefined;
  try {
    // Waited for even when it is called off: what is opened has to be closed.
    held = await forward(socket, forwarding).catch((error: Error) => {
      throw errand.unconnected(lost ? LOST : toConnectionError(error));
    });
    const listening = shown(held.listens);
    const begun = (use = begin(context, sink, body, listening));
    if (lost) begun.stop('connection lost');
    errand.because(`listens at ${[listening.address, ...(listening.port === 0 ? [] : [listening.port])].join(':')}`);
    const outcome = await errand.step(begun.outcome, (by) => begun.stop(by));
    if (lost) throw errand.unconnected(LOST, 'maybe');
    if (outcome.type === 'finished') return outcome.value;
    throw outcome.type === 'failed' ? outcome.error : killedError(outcome.by);
  } finally {
    unwatch();
    await held?.release();
    if (held !== undefined && !lost && forwarding.reverse && 'path' in forwarding.listen)
      await removeThere(errand, forwarding.listen.path);
  }
}

const LOST = new ConnectionError('lost', 'the connection that the tunnel goes through was lost');

function toConnectionError(error: Error): ConnectionError {
  return error instanceof ConnectionError ? error : new ConnectionError('session', error.message);
}

/** What the tunnel is there for. */
interface Use {
  readonly outcome: Promise<Outcome<unknown>>;
  stop(by: string): void;
}

function begin(context: Context, sink: Sink<any, any>, body: Body<any> | undefined, listening: Listening): Use {
  let end!: (outcome: Outcome<unknown>) => void;
  const outcome = new Promise<Outcome<unknown>>((resolve) => (end = resolve));
  if (body === undefined) {
    sink.item(listening);
    return { outcome, stop: (by) => end({ type: 'killed', by }) };
  }
  let child: Running | undefined;
  let killed: string | undefined;
  (context as unknown as RunRecord).call(() => {
    if (killed === undefined) child = context.start(task(body, listening), { settle: end });
    else end({ type: 'killed', by: killed });
  });
  return {
    outcome,
    stop(by) {
      killed = by;
      child?.kill(by);
    },
  };
}

/** sshd leaves the sockets that it has listened at. */
async function removeThere(errand: Errand<any>, path: string): Promise<void> {
  const script = 'if [ -S "$1" ]; then rm -f -- "$1"; fi';
  const { answer, stop } = ask(errand.there, systemClock, ['/bin/sh', '-c', script, 'sh', path]);
  await answer.finally(systemClock.after(5000, stop));
}

function shown(end: End): Listening {
  return 'path' in end ? { address: end.path, port: 0 } : { address: end.host, port: end.port };
}

function forwardingOf({ local, remote, reverse = false, socks = false }: TunnelOptions): Forwarding {
  for (const [name, value] of Object.entries({ reverse, socks }))
    if (typeof value !== 'boolean') throw new TypeError(`tunnel: ${name} is true or false, not ${show(value)}`);
  if (socks) {
    if (remote !== undefined || reverse)
      throw new TypeError('tunnel: with socks: true give neither remote nor reverse');
    const listen = endOf('local', local ?? 0, HERE, true);
    if ('path' in listen) throw new TypeError('tunnel: a SOCKS proxy listens at a port, not at a path');
    return { reverse, listen, to: undefined };
  }
  if (reverse) {
    if (local === undefined) throw new TypeError('tunnel: with reverse: true give local, where it leads to');
    return {
      reverse,
      listen: endOf('remote', remote ?? 0, 'localhost', true),
      to: endOf('local', local, 'localhost', false),
    };
  }
  if (remote === undefined) throw new TypeError('tunnel: give remote, where it leads to, or socks: true');
  return { reverse, listen: endOf('local', local ?? 0, HERE, true), to: endOf('remote', remote, 'localhost', false) };
}

const HERE = '127.0.0.1';

function endOf(what: 'local' | 'remote', given: unknown, host: string, listens: boolean): End {
  const port = (value: number): number => {
    if (Number.isInteger(value) && value >= (listens ? 0 : 1) && value < 65_536) return value;
    throw new TypeError(`tunnel: ${what}: ${value} is no port (${listens ? '0 for a free one, ' : ''}1 to 65535)`);
  };
  if (typeof given === 'number') return { host, port: port(given) };
  if (typeof given === 'string' && given.includes('/') && !/[\0\n]/.test(given)) {
    if (what === 'remote' && !given.startsWith('/'))
      throw new TypeError(`tunnel: remote: ${given} is no absolute path`);
    return { path: given };
  }
  const [, bracketed, plain, number] =
    (typeof given === 'string' && /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^-\s:[\]][^\s:[\]]*)):(\d{1,5})$/.exec(given)) || [];
  const name = bracketed ?? plain;
  if (name === undefined)
    throw new TypeError(`tunnel: ${what} is a port, 'host:port' or the path of a socket, not ${show(given)}`);
  return { host: name, port: port(Number(number)) };
}

/** Paths of this machine are those of the surrounding folder. */
function absolute(forwarding: Forwarding, context: Context): Forwarding {
  const folder = context.remote === undefined ? context.cwd : process.cwd();
  const whole = (end: End): End => ('path' in end ? { path: resolve(folder, end.path) } : end);
  const { reverse, listen, to } = forwarding;
  return reverse ? { reverse, listen, to: to && whole(to) } : { reverse, listen: whole(listen), to };
}
