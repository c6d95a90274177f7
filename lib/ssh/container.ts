// via.docker, via.kubectl: programs of a subtree run in a container, by the client that is there. Folder and environment are the
// container's: those around it are the client's.
import { posix } from 'node:path';
import type { Command, Context, Spawner, Via } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { attending } from './attended.ts';
import { actingFor, aside, killWords, watchedWords } from './beside.ts';
import { WATCHED_BELOW } from './remoteScript.ts';
import { assignments, withEnv } from './rewrite.ts';
import { newToken } from './trailer.ts';

/** What ends the programs in a container: to end the client would leave them there. */
interface Lifeline {
  /**
   * Programs are started by the container's /bin/sh, which ends all of them when they are killed or nobody over here
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
          const client = (words: readonly string[]): Command => ({
            ...rest,
            ...{ argv: words as Command['argv'], cwd: run.cwd, env: run.ownEnv },
          });
          let entering: Command;
          // What shares our terminal is ended by it.
          if (!lifeline || command.detach === true || !command.session) entering = client(enter(command));
          else if (command.stdin === 'ignore') {
            const argv = ['/bin/sh', '-c', WATCHED_BELOW, 'sh', '', ...command.argv] as const;
            const words = enter({ ...command, stdin: 'pipe', argv });
            entering = { ...client(words), attended: { asks: [], lifeline: true } };
          } else {
            const mark = newToken();
            const plain = { ...command, cwd: '', env: undefined, exactEnv: false, stdin: 'ignore' } as const;
            const kill = enter({ ...plain, argv: killWords(mark) });
            const argv: Command['argv'] = [...watchedWords(mark), '0', ...command.argv];
            const words = actingFor([...kill, 'TERM'], enter({ ...command, argv }));
            entering = { ...client(words), attended: { asks: [], lifeline: false, reach: aside(client(kill), kill) } };
          }
          // What the client has used is not what the program has.
          return spawner.spawn(via === undefined ? entering : via(entering), started, (exit) => exited(exit));
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
