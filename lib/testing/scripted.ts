import assert from 'node:assert/strict';
import { milliseconds, systemClock, type Child, type Clock, type Command, type Spawner } from '../kernel/index.ts';
import { checkOptions } from '../kernel/options.ts';
import { ScriptedChild } from './scriptedChild.ts';
import type { Expected, ScriptedCall } from './scriptedTypes.ts';

/** A spawner that runs nothing. */
export interface ScriptedSpawner extends Spawner {
  /** The commands that were started, in order. */
  readonly calls: readonly ScriptedCall[];
  /** Throws an AssertionError when a command was unexpected, or an expected one has not come as often as it should. */
  done(): void;
}

/** How the commands are played. */
export interface ScriptedOptions {
  /** For `delay`. Default: the system's. */
  readonly clock?: Clock;
}

interface Entry {
  readonly expected: Expected;
  used: number;
}

/**
 * A spawner for tests of scripts: commands that are expected, with what they write and how they end, instead of programs.
 *
 * ```ts
 * const spawner = scripted([
 *   { command: ['git', 'status'], stdout: ['M a.txt'] },
 *   { command: /^curl /, exitCode: 22, stderr: 'curl: (22)', times: 3 },
 * ]);
 * await runCommandGens([release()], { spawner });
 * spawner.done();
 * ```
 *
 * A command takes the first entry that matches and is not used up. One that matches none fails its run with the reason
 * `spawn`, and a message that lists what was expected.
 */
export function scripted(expected: Iterable<Expected>, options: ScriptedOptions = {}): ScriptedSpawner {
  checkOptions('scripted', options, ['clock']);
  return new Scripted(expected, options.clock ?? systemClock);
}

class Scripted implements ScriptedSpawner {
  readonly name = 'scripted';
  readonly calls: ScriptedCall[] = [];
  readonly #entries: readonly Entry[];
  readonly #clock: Clock;
  readonly #unexpected: string[] = [];

  constructor(expected: Iterable<Expected>, clock: Clock) {
    this.#entries = Array.from(expected, (each) => ({ expected: checked(each), used: 0 }));
    this.#clock = clock;
  }

  room(): number {
    return Infinity;
  }

  spawn(command: Command, ...told: [Parameters<Spawner['spawn']>[1], Parameters<Spawner['spawn']>[2]]): Child {
    const call: Mutable<ScriptedCall> = {
      argv: command.argv,
      text: textOf(command),
      cwd: command.cwd,
      env: added(command),
      stdin: '',
      signals: [],
    };
    this.calls.push(call);
    const entry = this.#entries.find((each) => each.used < timesOf(each) && matches(each.expected, call));
    if (entry !== undefined) entry.used++;
    const name = isScript(command) ? `${call.text} (a shell command)` : call.text;
    if (entry === undefined) this.#unexpected.push(name);
    return new ScriptedChild(entry?.expected ?? this.#refusal(name), command, call, this.#clock, ...told);
  }

  #refusal(text: string): Expected {
    const message = `scripted: unexpected command: ${text}\nexpected:\n${this.#entries.map(line).join('\n') || '  nothing'}`;
    return { command: text, error: Object.assign(new Error(message), { code: 'UNEXPECTED' }) };
  }

  done(): void {
    const missing = this.#entries.filter((each) => each.used < (timesOf(each) === Infinity ? 1 : timesOf(each)));
    const problems = [
      ...this.#unexpected.map((text) => `  unexpected: ${text}`),
      ...missing.map((each) => `  missing:  ${line(each)}`),
    ];
    if (problems.length > 0) assert.fail(`scripted: not as expected\n${problems.join('\n')}`);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function timesOf({ expected }: Entry): number {
  return expected.times ?? 1;
}

const KNOWN = 'command stdout stderr exitCode signal delay endless error ignores reads times'.split(' ');

function checked(expected: Expected): Expected {
  checkOptions('scripted', expected, KNOWN);
  const { command, delay, times } = expected;
  if (!Array.isArray(command) && !['string', 'function'].includes(typeof command) && !(command instanceof RegExp))
    throw new TypeError('scripted: command is a list of words, a string, a pattern or a function of the call');
  if (delay !== undefined) milliseconds(delay, 'scripted: delay');
  if (times !== undefined && !(times >= 0)) throw new TypeError(`scripted: times: ${String(times)} is no number`);
  return expected;
}

/** A command as one would write it: of a shell its script. */
function textOf(command: Command): string {
  return isScript(command) ? command.argv.at(-1)! : command.argv.join(' ');
}

function isScript({ argv }: Command): boolean {
  const [shell, flag, ...rest] = argv;
  return shell === '/bin/sh' && flag === '-c' && rest.length === (rest[0] === '--' ? 2 : 1);
}

/** What the command's environment has besides Node's own. */
function added({ env }: Command): Record<string, string | undefined> {
  if (env === undefined) return {};
  const own = process.env;
  const changes: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(env)) if (own[name] !== value) changes[name] = value;
  for (const name of Object.keys(own)) if (!(name in env)) changes[name] = undefined;
  return changes;
}

function matches({ command }: Expected, call: ScriptedCall): boolean {
  if (typeof command === 'string') return command === call.text;
  if (typeof command === 'function') return command(call);
  if (command instanceof RegExp) return search(command, call.text);
  if (command.length !== call.argv.length) return false;
  return command.every((word, i) => (typeof word === 'string' ? word === call.argv[i] : search(word, call.argv[i]!)));
}

/** Also with a pattern that remembers where it was. */
function search(pattern: RegExp, text: string): boolean {
  return text.search(pattern) >= 0;
}

function line(entry: Entry): string {
  const { command } = entry.expected;
  const times = timesOf(entry);
  const what =
    typeof command === 'function'
      ? command.name || 'a function'
      : Array.isArray(command)
        ? command.map((word) => (/\s|^$/.test(String(word)) ? `'${String(word)}'` : String(word))).join(' ')
        : String(command);
  const count = times === Infinity ? '' : times === 1 && entry.used < 2 ? '' : ` × ${times}`;
  return `  ${what}${count}${entry.used === 0 ? '' : times === entry.used ? ' (used up)' : ` (used ${entry.used} times)`}`;
}
