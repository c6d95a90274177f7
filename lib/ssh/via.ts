// via.ssh(host): the programs of a subtree run on that host. Its connection is a service of the outermost loop: it begins with
// the first command, others share it, and it ends after the last generator has settled.
import { createRunner, type Context, type Runner, type Spawner, type Via } from '../kernel/index.ts';
import { milliseconds } from '../kernel/clock.ts';
import { defaultSpawner } from '../kernel/scope.ts';
import type { RunRecord } from '../kernel/run.ts';
import { Clients } from './client.ts';
import { Connection } from './connection.ts';
import { Fallback, type OwnSsh } from './fallback.ts';
import { ConnectionError } from './failure.ts';
import { toHost, type Host } from './host.ts';
import { configuredJump } from './jump.ts';
import { Lane } from './lane.ts';
import { loginWord } from './loginText.ts';
import { startRemote, type LoginShell } from './remoteChild.ts';
import { isLong } from './remoteScript.ts';
import { checkSettings, keyOf, wordsOf, type SshSettings } from './settings.ts';
import type { ConnectionParts, Login } from './transport.ts';

/** At the same time by one jump host: its MaxStartups begins to drop some at ten. */
const HANDSHAKES = 8;
/** To log in, unless said otherwise; that includes what ConnectTimeout of ssh is about. */
const LOGIN = 30_000; // ms
/** What logging in takes behind that. */
const KEYS = 2000; // ms

/** A spawner of a host, and the connection behind it, by which hosts behind that one are reached. */
export interface HostSpawner extends Spawner {
  readonly host: string;
  readonly connection: Login;
  /** The host's by which it is reached; known once its connection has begun. */
  readonly by: HostSpawner | undefined;
  /** Gives the first word of a command to the user's login shell, as it is. */
  readonly login: Spawner;
  /** That shell reads our texts as sh does: another needn't be started for each command. */
  readsSh(): void;
  /** The ProxyCommand that goes through it, once that can be. */
  proxy(): Promise<string>;
}

/** Programs run on a host by the user's own OpenSSH. Throws a TypeError for what is no host and for unknown options. */
export function viaSsh(what: Host | string, settings: SshSettings = {}): Via {
  const host = toHost(what);
  checkSettings('via.ssh', settings);
  const { name, user, port } = host;
  return {
    spec: { ssh: name, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) },
    remote: name,
    spawner: (context) => hostSpawner(host, settings, context),
  };
}

const elsewhere = new WeakSet<Context>();

/** Whether a run has had to do with another machine, also where its programs would run here. */
export function goesElsewhere(run: Context): boolean {
  return elsewhere.has(run);
}

/** What starts programs on a host for a run, over the connection that its loop has to it; nothing is connected yet. */
export function hostSpawner(host: Host, settings: SshSettings, context: Context): HostSpawner {
  elsewhere.add(context);
  return spawnerFor(host, settings, context as unknown as RunRecord);
}

const services = new WeakMap<RunRecord, Map<string, HostSpawner>>();

function spawnerFor(host: Host, settings: SshSettings, run: RunRecord): HostSpawner {
  let root = run;
  while (root.parent !== undefined) root = root.parent;
  let spawners = services.get(root);
  if (spawners === undefined) services.set(root, (spawners = new Map()));
  // Within another host's, that one is the jump: its connection, with the keys of this machine.
  const outer = run.ambient.spawner;
  const nested = outer !== undefined && 'connection' in outer;
  const through = nested ? (outer as HostSpawner) : settings.jump && jumpOf(settings.jump, settings, run);
  const key = `${keyOf(host, settings)}${through ? ` by ${through.name}` : ''}`;
  let spawner = spawners.get(key);
  if (spawner === undefined) spawners.set(key, (spawner = newSpawner(key, host, settings, through || undefined, root)));
  return spawner;
}

/** The jump that was asked for, as a host of its own: one connection for all that are behind it. */
function jumpOf(jump: string, settings: SshSettings, run: RunRecord): HostSpawner {
  const { config, identity, knownHosts, options, kex, transport } = settings;
  const [first, ...rest] = jump.split(',').reverse() as [string, ...string[]];
  return spawnerFor(
    toHost(first.includes('://') ? first : jumpName(first)),
    {
      ...(config !== undefined && { config }),
      ...(identity !== undefined && { identity }),
      ...(knownHosts !== undefined && { knownHosts }),
      ...(options !== undefined && { options }),
      ...(kex !== undefined && { kex }),
      ...(transport !== undefined && { transport }),
      ...(rest.length > 0 && { jump: rest.reverse().join(',') }),
    },
    run,
  );
}

/** `user@host:port` as ssh -J takes it. */
function jumpName(text: string): string {
  return /:\d+$/.test(text) && !/:.*:/.test(text) ? `ssh://${text}` : text;
}

function newSpawner(
  key: string,
  host: Host,
  settings: SshSettings,
  through: HostSpawner | undefined,
  root: RunRecord,
): HostSpawner {
  const { connectTimeout } = settings;
  let by = through;
  const own = ownSsh(root);
  const client = (): boolean => settings.transport === 'client' || (settings.transport !== 'mux' && own.old);
  const parts: ConnectionParts = {
    spawner: defaultSpawner(),
    limit: connectTimeout === undefined ? LOGIN : milliseconds(connectTimeout, 'connectTimeout') + KEYS,
    handshake: (begin) => (by !== undefined || client() ? line(by ?? spawner)(begin) : begin(() => {})),
    async words() {
      if (by === undefined) {
        if (client()) return wordsOf(host, settings);
        const jump = await configuredJump(host, settings, defaultSpawner());
        if (jump === undefined) return wordsOf(host, settings);
        by = jumpOf(jump, settings, root);
      }
      return wordsOf(host, settings, await by.proxy());
    },
    used() {
      if (!used) serve((then) => (lane ?? connection).end(then), host, root);
      used = true;
    },
    crowded: () => lane?.makeRoom(),
    said: (line) => root.open && root.note(`ssh ${host.name}: ${line}`),
  };
  const connection = newLogin(settings, parts, own);
  let lane: Lane | undefined;
  let shell: LoginShell = {};
  let used = false;
  const spawner: HostSpawner = {
    name: `ssh:${key}`,
    host: host.name,
    connection,
    get by() {
      return by;
    },
    room: () => Infinity,
    spawn(command, started, exited) {
      if (settings.lane === true && command.stdin === 'ignore' && command.detach !== true && !isLong(command))
        return startRemote((lane ??= new Lane(connection)), command, started, exited);
      return startRemote(connection, command, started, exited, shell);
    },
    login: {
      name: `login:${key}`,
      room: () => Infinity,
      spawn: (command, started, exited) => startRemote(connection, command, started, exited, { asIs: true }),
    },
    readsSh: () => (shell = { sh: true }),
    async proxy() {
      const path = await connection.ready().catch((error: unknown) => {
        if (!(error instanceof ConnectionError)) throw error;
        throw new ConnectionError(error.phase, `the jump host ${host.name}: ${error.message}`, error.busy);
      });
      if (client()) {
        const words = (await parts.words()).map((word) =>
          word === '--' ? '-W [%h]:%p --' : loginWord(word).replaceAll('%', '%%'),
        );
        return `ssh -S none ${words.join(' ')}`;
      }
      return `ssh -F none -S ${path} -W [%h]:%p -- through`;
    },
  };
  return spawner;
}

function newLogin(settings: SshSettings, parts: ConnectionParts, own: OwnSsh): Login {
  if (settings.transport === 'client') return new Clients(parts);
  return settings.transport === 'mux' ? new Connection(parts) : new Fallback(parts, own);
}

/** Outermost loops that have found the ssh of this machine too old for one connection for all commands. */
const old = new WeakSet<RunRecord>();

function ownSsh(root: RunRecord): OwnSsh {
  return {
    get old() {
      return old.has(root);
    },
    tooOld() {
      if (old.has(root)) return;
      old.add(root);
      root.note("ssh: OpenSSH here is older than 7.4: each command has an ssh of its own (transport: 'client')");
    },
  };
}

const lines = new WeakMap<HostSpawner, (begin: (over: () => void) => void) => void>();

/** The turns of those that log in through a host. */
function line(through: HostSpawner): (begin: (over: () => void) => void) => void {
  let take = lines.get(through);
  if (take !== undefined) return take;
  let busy = 0;
  const waiting: ((over: () => void) => void)[] = [];
  const next = (): void => {
    while (busy < HANDSHAKES && waiting.length > 0) {
      busy++;
      waiting.shift()!(() => {
        busy--;
        next();
      });
    }
  };
  take = (begin) => {
    waiting.push(begin);
    next();
  };
  lines.set(through, take);
  return take;
}

/** Makes the connection a run of the outermost loop, which ends it. */
function serve(end: (then: () => void) => void, host: Host, root: RunRecord): void {
  const service: Runner<void> = createRunner<void>({
    spec: { type: 'connection', ssh: host.name },
    label: `ssh ${host.name}`,
    start: (sink) => ({
      pause() {},
      play() {},
      kill: (by) => end(() => sink.settle({ type: 'killed', by })),
    }),
  });
  root.call(() => {
    if (root.open) root.startChild(service, { sink: {} });
    else end(() => {});
  });
}
