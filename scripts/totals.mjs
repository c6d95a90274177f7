// Prints what failed, and the totals of tap's runs together as `N passed, N failed`. Fails where a test failed or was skipped, or none ran.
import { readFileSync } from 'node:fs';

const text = readFileSync(process.argv[2], 'utf8');
const lines = [...text.matchAll(/^# \{ total: .*\}$/gm)].map(([line]) => line);
const count = (name) =>
  lines.reduce((sum, line) => sum + Number(line.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0), 0);
const skipped = count('skip') + count('todo');
if (skipped > 0) {
  const names = [...text.matchAll(/^.*# (?:SKIP|TODO).*$/gm)].map(([found]) => found.trim());
  process.stdout.write(`skipped, which must not be here:\n${names.join('\n')}\n`);
}
const failed = count('fail');
// Thousands of lines stand between a failure and the end: those who read the end alone are to see it.
const failures = [...text.matchAll(/^( *)not ok .*\n(?:\1  ---\n[^]*?\n\1  \.\.\.\n)?/gm)].map(([found]) => found);
if (failures.length > 0) process.stdout.write(`failed:\n${failures.slice(0, 30).join('')}`);
process.stdout.write(`${count('pass')} passed, ${failed}${skipped > 0 ? ` failed, ${skipped} skipped` : ' failed'}\n`);
process.exit(lines.length === 0 || count('pass') === 0 || failed > 0 || skipped > 0 ? 1 : 0);
