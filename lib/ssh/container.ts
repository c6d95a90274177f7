// via.docker, via.kubectl: programs of a subtree run in a container, by the client that is there. Folder and environment are the
// container's: those around it are the client's.
import { posix } from 'node:path';
import type { Command, Context, Spawner, Via } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { attending } from './attended.ts';
import { WATCHED_BELOW } from './remoteScript.ts';
import { assignments, withEnv } from './rewrite.ts';

/** What ends the programs in a container: to end the client would leave them there. */
interface Lifeline {
  /**
   * Programs without stdin are started by the container's /bin/sh, which ends all of them when they are killed or nobody over here
   * lives to do it. False: directly, for images without a shell. Default true.
   */
  readonly lifeline?: boolean;
}

/** How `via.docker` enters a container. */
export interface DockerOptions extends Lifeline {
  /** A name or `uid:gid`. Default: the container's. */
  readonly user?: string;
  /** The folder that programs begin in. Default: the container's. */
  readonly workdir?: string;
}

/** How `via.kubectl` finds a container. */
export interface KubectlOptions extends Lifeline {
  readonly namespace?: string;
  /** Of the pod. Default: its first. */
  readonly container?: string;
  /** Of the kubeconfig. */
  readonly context?: string;
}

/** Programs run in a container, by `docker exec`. */
export function viaDocker(container: string, options: DockerOptions = {}): Via {
  checkWord('via.docker: the container', container);
  const { lifeline, ...named } = checked('via.docker', options, ['user', 'workdir']);
  const { user, workdir = '' } = named;
  return inside(
    { docker: container, ...named },
    `docker ${container}`,
    lifeline,
    ({ argv, cwd, env, exactEnv, stdin }) => {
      const variables = assignments(env);
      const folder = posix.join(workdir, cwd);
      return [
        ...['docker', 'exec'],
        ...(stdin === 'ignore' ? [] : ['-i']),
        ...(user === undefined ? [] : ['-u', user]),
        ...(folder === '.' ? [] : ['-w', folder]),
        ...(exactEnv === true ? [] : variables.flatMap((variable) => ['-e', variable])),
        container,
        ...(exactEnv === true ? withEnv(argv, variables, true) : argv),
      ];
    },
  );
}

/** Programs run in a container of a pod, by `kubectl exec`. A folder needs a shell there. */
export function viaKubectl(pod: string, options: KubectlOptions = {}): Via {
  checkWord('via.kubectl: the pod', pod);
  const { lifeline, ...named } = checked('via.kubectl', options, ['namespace', 'container', 'context']);
  const { namespace, container, context } = named;
  return inside({ kubectl: pod, ...named }, `kubectl ${pod}`, lifeline, ({ argv, cwd, env, exactEnv, stdin }) => {
    const variables = assignments(env);
    const words = withEnv(argv, variables, exactEnv);
    return [
      'kubectl',
      ...(context === undefined ? [] : ['--context', context]),
      ...(namespace === undefined ? [] : ['-n', namespace]),
      'exec',
      ...(stdin === 'ignore' ? [] : ['-i']),
      pod,
      ...(container === undefined ? [] : ['-c', container]),
      '--',
      ...(cwd === '' ? words : ['sh', '-c', 'cd -- "$1" && shift && exec "$@"', 'sh', cwd, ...words]),
    ];
  });
}

/** By a client that is started as a program in the place of `within` would be. */
function inside(spec: Via['spec'], remote: string, lifeline: boolean, enter: (command: Command) => string[]): Via {
  return {
    spec,
    remote,
    spawner(run: Context): Spawner {
      const { spawner: outer, via } = run;
      const spawner = attending(outer);
      return {
        ...spawner,
        name: `${spawner.name} ${remote}`,
        room: () => spawner.room(),
        joint: () => (via === undefined ? outer.joint?.() : undefined),
        spawn(command, started, exited) {
          const { exactEnv: _, ...rest } = command;
          const watched = lifeline && command.stdin === 'ignore' && command.detach !== true;
          const entering: Command = watched
            ? { ...command, stdin: 'pipe', argv: ['/bin/sh', '-c', WATCHED_BELOW, 'sh', '', ...command.argv] }
            : command;
          const client: Command = {
            ...rest,
            argv: enter(entering) as [string, ...string[]],
            ...{ cwd: run.cwd, env: run.ownEnv },
            ...(watched && { attended: { asks: [], lifeline } }),
          };
          return spawner.spawn(via === undefined ? client : via(client), started, exited);
        },
      };
    },
  };
}

function checkWord(what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '' || value.startsWith('-') || value.includes('\0'))
    throw new TypeError(`${what}: a word without '-' in front, not ${show(value)}`);
}

function checked<O extends Lifeline>(what: string, options: O, known: readonly string[]): O & Required<Lifeline> {
  checkOptions(what, options, [...known, 'lifeline']);
  const { lifeline = true, ...named } = options;
  if (typeof lifeline !== 'boolean') throw new TypeError(`${what}: lifeline is true or false, not ${show(lifeline)}`);
  for (const [name, value] of Object.entries(named)) checkWord(`${what}: ${name}`, value);
  return { ...options, lifeline };
}
