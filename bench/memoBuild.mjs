// The build of memo.mjs, in the folder of the files: so many steps, each of which reads two files and writes one. `sluice run
// memoBuild.mjs -- COUNT`. On descriptor 3, if there is one, it says at its end what CPU time it took, in ms.
import { writeSync } from 'node:fs';
import { all, file, memo, program } from 'sluice';

export default function* main(count) {
  const steps = [];
  for (let i = 0; i < Number(count); i++) {
    const inputs = [`in/${i}`, 'in/common'];
    steps.push(program(['cat', ...inputs], { stdout: file(`out/${i}`), label: `out/${i}` }).with(memo({ inputs })));
  }
  yield* all(steps);
}

process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  try {
    writeSync(3, JSON.stringify({ cpu: (user + system) / 1000 }));
  } catch {
    // Nobody wants to know.
  }
});
