// storeMemo.mjs FOLDER OPS: runs memo steps, some of which give a value and some of which write a file that is kept, and looks at
// what comes of them.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memo, runCommandGens, task } from 'sluice';
import { content, count, isWhole, tell } from './storeContent.mjs';

const [folder = '', most = ''] = process.argv.slice(2);
process.chdir(folder);
const store = join(folder, '.sluice');
const any = (below) => Math.floor(Math.random() * below);

const value = (n) => task(() => (count('puts'), { n, text: content(n) })).with(memo({ key: n, store }));

/** One of 20 outputs, in one of 10 variants: mostly there is one of another variant, and it is put back. */
const output = (n, variant) => {
  const path = `work/out${n}`;
  const make = () => {
    count('puts');
    writeFileSync(`${path}.${process.pid}`, content(n * 10 + variant));
    renameSync(`${path}.${process.pid}`, path);
  };
  return task(make).with(memo({ key: [n, variant], outputs: [path], keep: true, store }));
};

function* main() {
  for (let ops = 0; ops < Number(most);) {
    const n = any(200);
    const { n: number, text } = yield* value(n);
    if (number !== n || text !== content(n)) count('damaged');
    const out = any(20);
    yield* output(out, any(10));
    // The other process may have made another variant since: but a whole one.
    if (!isWhole(readFileSync(`work/out${out}`, 'utf8'))) count('damaged');
    count('gets');
    ops = count('gets');
    if (ops % 10 === 0) tell();
  }
}

const onEvent = ({ type, text }) => {
  if (type !== 'note') return;
  if (text === 'unchanged') count('hits');
  else if (text.startsWith('put back')) count('restored');
};
await runCommandGens([main()], { onEvent });
tell();
process.exit();
