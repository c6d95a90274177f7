// via.docker, via.kubectl: programs of a subtree run in a container, by the client that is there. Folder and environment are the
// container's: those around it are the client's.
import { posix } from 'node:path';
import type { Command, Context, Spawner, Via } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { withEnv } from './rewrite.ts';

/** How `via.docker` enters a container. */
export interface DockerOptions {
  /** A name or `uid:gid`. Default: the container's. */
  readonly user?: string;
  /** The folder that programs begin in. Default: the container's. */
  readonly workdir?: string;
}

/** How `via.kubectl` finds a container. */
export interface KubectlOptions {
  readonly namespace?: string;
  /** Of the pod. Default: its first. */
  readonly container?: string;
  /** Of the kubeconfig. */
  readonly context?: string;
}

/** Programs run in a container, by `docker exec`. */
export function viaDocker(container: string, options: DockerOptions = {}): Via {
  checkWord('via.docker: the container', container);
  checkOptions('via.docker', options, ['user', 'workdir']);
  for (const [name, value] of Object.entries(options)) checkWord(`via.docker: ${name}`, value);
  const { user, workdir = '' } = options;
  return inside({ docker: container, ...options }, `docker ${container}`, ({ argv, cwd, env, exactEnv, stdin }) => {
    const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
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
  });
}

/** Programs run in a container of a pod, by `kubectl exec`. A folder needs a shell there. */
export function viaKubectl(pod: string, options: KubectlOptions = {}): Via {
  checkWord('via.kubectl: the pod', pod);
  checkOptions('via.kubectl', options, ['namespace', 'container', 'context']);
  for (const [name, value] of Object.entries(options)) checkWord(`via.kubectl: ${name}`, value);
  const { namespace, container, context } = options;
  return inside({ kubectl: pod, ...options }, `kubectl ${pod}`, ({ argv, cwd, env, exactEnv, stdin }) => {
    const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
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

type Entered = Omit<Command, 'argv'> & { readonly argv: readonly [string, ...string[]] };

/** By a client that is started as a program in the place of `within` would be. */
function inside(spec: Via['spec'], remote: string, enter: (command: Entered) => string[]): Via {
  return {
    spec,
    remote,
    spawner(run: Context): Spawner {
      const { spawner, via } = run;
      return {
        ...spawner,
        name: `${spawner.name} ${remote}`,
        room: () => spawner.room(),
        joint: () => (via === undefined ? spawner.joint?.() : undefined),
        spawn(command, started, exited) {
          const { exactEnv: _, ...rest } = command;
          const argv = enter(command) as [string, ...string[]];
          const client: Command = { ...rest, argv, cwd: run.cwd, env: run.ownEnv };
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
