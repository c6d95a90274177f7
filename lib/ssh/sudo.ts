// via.sudo: programs of a subtree run as another user.
import { randomBytes } from 'node:crypto';
import type { Ask, Attendance, Command, Context, Via } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { show } from '../kernel/runnable.ts';
import { attending } from './attended.ts';
import { aside, askedBy, killWords, watchedWords } from './beside.ts';
import { WATCHED_BELOW } from './remoteScript.ts';
import { ownChanges, withEnv } from './rewrite.ts';
import { newToken } from './trailer.ts';

/** How `via.sudo` becomes another user. */
export interface SudoOptions {
  /** Default: root. */
  readonly user?: string;
  /**
   * What gives the password: a function, called once and with nothing before it is needed, or a variable of Node's environment.
   * Default: there is none (`sudo -n`).
   */
  readonly password?: (() => string | Promise<string>) | { readonly env: string };
  /**
   * Its programs are started by a shell with that user's rights, which ends all of them when they are killed or nobody over here
   * lives to do it. False: by sudo itself, where sudoers allows certain commands only. Default true.
   */
  readonly lifeline?: boolean;
}

/**
 * Programs run by sudo. Their folder is kept, what was changed in their environment too. The password goes to sudo's stdin, when it
 * asks, and nowhere else; where it is wrong the program fails after that one try with the reason `spawn`, code 'PASSWORD'.
 */
export function viaSudo(options: SudoOptions = {}): Via {
  checkOptions('via.sudo', options, ['user', 'password', 'lifeline']);
  const { user, password, lifeline = true } = options;
  if (user !== undefined && (typeof user !== 'string' || !/^[^-\s\0][^\s\0]*$/.test(user)))
    throw new TypeError(`via.sudo: user is a name, not ${show(user)}`);
  if (typeof lifeline !== 'boolean') throw new TypeError(`via.sudo: lifeline is true or false, not ${show(lifeline)}`);
  const source = password === undefined ? undefined : remembered(password);
  return {
    spec: { sudo: user ?? 'root' },
    rewrite: (command, run) => rewrite(command, run, user, source, lifeline),
    wrap: attending,
  };
}

function rewrite(
  command: Command,
  run: Context,
  user: string | undefined,
  password: (() => Promise<string>) | undefined,
  lifeline: boolean,
): Command {
  const words = withEnv(command.argv, ownChanges(command, run), command.exactEnv);
  const before = command.attended;
  const ask = password === undefined ? undefined : newAsk(password);
  const asks = ask === undefined ? [] : [ask];
  const become = ['sudo', ...(ask === undefined ? ['-n'] : ['-S', '-p', ask.prompt])];
  if (user !== undefined) become.push('-u', user);
  become.push('--');
  const all: Attendance = { lifeline: false, ...before, asks: [...asks, ...(before?.asks ?? [])] };
  // One is enough: an inner one ends what this one would. What shares our terminal is ended by it.
  if (!lifeline || command.detach === true || !command.session || before?.lifeline === true) {
    const say = ask === undefined ? [] : ['/bin/sh', '-c', 'echo "$1" >&2; shift; exec "$@"', 'sh', ask.begun];
    return attended({ ...command, argv: [...become, ...say, ...words] as never }, all);
  }
  if (command.stdin === 'ignore') {
    const tells = ask === undefined ? [WATCHED_BELOW] : [`echo "$1" >&2; shift; ${WATCHED_BELOW}`];
    const argv = [...become, '/bin/sh', '-c', ...tells, 'sh', ...asks.map(({ begun }) => begun), '', ...words];
    return attended({ ...command, argv: argv as never }, { ...all, lifeline: true });
  }
  const mark = newToken();
  const argv = askedBy([...become, ...watchedWords(mark, ask?.begun)], words);
  const reach =
    before?.reach ?? attended(aside(command, [...become, ...killWords(mark, ask?.begun)]), { ...all, asks });
  return attended({ ...command, argv }, { ...all, reach });
}

function attended(command: Command, how: Attendance): Command {
  const { attended: _, ...rest } = command;
  const nothing = how.asks.length === 0 && !how.lifeline && how.reach === undefined;
  return nothing ? rest : { ...rest, attended: how };
}

/** What is looked for on stderr can't be in it by chance. */
function newAsk(password: () => Promise<string>): Ask {
  const token = randomBytes(9).toString('hex');
  return { prompt: `[${token}]`, begun: `begun-${token}`, password };
}

/** Asks once, for all programs; again where it was not given. */
function remembered(password: NonNullable<SudoOptions['password']>): () => Promise<string> {
  if (typeof password !== 'function') {
    const name: unknown = (password as { env?: unknown } | null)?.env;
    if (typeof name !== 'string' || name === '')
      throw new TypeError(
        `via.sudo: password is a function that gives it, or { env: 'NAME' }, not ${typeof password === 'string' ? 'the password itself' : show(password)}`,
      );
    return async () => checked(process.env[name], `the environment variable ${name}`);
  }
  let given: Promise<string> | undefined;
  return () => {
    given ??= (async () => checked(await password(), 'the function'))();
    given.catch(() => (given = undefined));
    return given;
  };
}

function checked(password: unknown, where: string): string {
  if (typeof password !== 'string' || password === '') throw new Error(`sudo: ${where} gave no password`);
  if (/[\n\0]/.test(password)) throw new Error(`sudo: ${where} gave a password with a newline or a NUL`);
  return password;
}
