// Both examples of "My Weaksauce Event Loop" (2009), on the contract of that loop: a generator yields something callable,
// which gives streams, a function for the lines of each, and what to call when the last of them has ended.
//
//   npx sluice run --report quiet samples/weaksauce.ts          as it was: up to 9 s
//   npx sluice run --report quiet samples/weaksauce.ts -- 0.1   in a tenth of the time
import { spawn } from 'node:child_process';
import type { SeedRunner } from 'sluice';

type LineFunction = ((line: string) => void) | null;

/** The post's own runner: a shell command, and a function for the lines of each stream. Gives the exit code. */
function ProgramRunner(cmd: string, stdoutf: LineFunction, stderrf: LineFunction): SeedRunner {
  return () => {
    const child = spawn(cmd, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const exitCode = new Promise((resolve) => child.on('close', resolve));
    return [
      () => exitCode,
      [
        [child.stdout, stdoutf],
        [child.stderr, stderrf],
      ],
    ];
  };
}

const print = (line: string): void => console.log(line);

/** One of the hundred. */
function* sleeper(id: number, scale: number): Generator<SeedRunner> {
  const say = (line: string): void => print(`${id}: ${line}`);
  print(`${id}`);
  yield ProgramRunner('date', say, null);
  yield ProgramRunner(`sleep ${Math.floor(Math.random() * 10) * scale}`, null, null);
  yield ProgramRunner('date', say, null);
}

function* first(scale: number): Generator<SeedRunner> {
  yield ProgramRunner('date', print, print);
  yield ProgramRunner('echo what is up', print, print);
  yield ProgramRunner(`sleep ${3 * scale}`, print, print);
  yield ProgramRunner('echo that is cool', print, print);
}

function* second(scale: number): Generator<SeedRunner> {
  yield ProgramRunner(`sleep ${2 * scale}`, print, print);
  yield ProgramRunner('echo this is another thing running concurrently', print, print);
}

/** `sluice run` runs the generators that this gives. The argument is how long a second is to last. */
export default function weaksauce(scale = '1'): Generator<SeedRunner>[] {
  const hundred = Array.from({ length: 100 }, (_, id) => sleeper(id, Number(scale)));
  return [...hundred, first(Number(scale)), second(Number(scale))];
}
