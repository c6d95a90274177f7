// What a program leaves behind: processes of its group that live on after it has settled (`server &`). They may go on while
// the loop does, and end with it (L6): they become a run of the loop that ends only by being killed.
import { createRunner, type Child } from '../kernel/index.ts';
import type { RunRecord } from '../kernel/run.ts';
import type { ProgramRunner } from './program.ts';
import { endGroup } from './stop.ts';

/** Makes the rest of a program's group a run of the outermost loop. */
export function leaveBehind(child: Child, from: RunRecord, runner: ProgramRunner): void {
  let root = from;
  while (root.parent !== undefined) root = root.parent;
  const { grace } = runner.settings;
  const { clock } = from.ambient;
  const rest = createRunner<void>({
    spec: { type: 'leftover', of: from.id },
    label: `left by ${runner.label}`,
    start: (sink) => ({
      pause() {},
      play() {},
      kill(by) {
        const gone = (survivors: readonly number[]): void => {
          if (survivors.length > 0) sink.note(`could not be killed: pid ${survivors.join(', ')}`, { survivors });
          child.release();
          sink.settle({ type: 'killed', by });
        };
        endGroup(child, { signal: by === 'SIGKILL' ? 'SIGKILL' : 'SIGTERM', grace, clock, exited: true, gone });
      },
      describe: () => `pid ${child.members().join(', ')} lives on`,
    }),
  });
  root.call(() => {
    if (root.open) root.startChild(rest, { sink: {} });
  });
}
