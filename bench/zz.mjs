import { all, file, program, memo, runCommandGens } from 'sluice';
const [, , count, how] = process.argv;
function* main() {
  const steps = [];
  for (let i = 0; i < Number(count); i++) {
    const inputs = [`in/${i}`, 'in/common'];
    const p = program(['cat', ...inputs], { stdout: file(`out/${i}`), label: `out/${i}` });
    steps.push(how === 'memo' ? p.with(memo({ inputs })) : p);
  }
  yield* all(steps);
}
const c0 = process.cpuUsage();
await runCommandGens([main()], { slots: 2 });
const c1 = process.cpuUsage(c0);
console.log(how, count, 'start', (c0.user + c0.system) / 1000 | 0, 'loop user', c1.user / 1000 | 0, 'sys', c1.system / 1000 | 0);
