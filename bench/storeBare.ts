// storeBare.ts FOLDER OPS: puts texts, files and JSON into a store, gets them again and looks at what came.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../lib/store/digest.ts';
import { atOnce } from '../lib/store/paced.ts';
import { Store } from '../lib/store/store.ts';
// @ts-expect-error: it is JavaScript
import { content, count, isWhole, tell } from './storeContent.mjs';

const [folder = '', most = ''] = process.argv.slice(2);
const store = new Store(join(folder, '.sluice'));
const warn = (): void => {};
const any = (): number => Math.floor(Math.random() * 200);
const looked = (got: unknown, right: () => boolean): void => {
  if (got === undefined || got === false) count('misses');
  else count(right() ? 'hits' : 'damaged');
  count('gets');
};

for (let ops = 0; ops < Number(most);) {
  const n = any();
  const text = content(n) as string;
  const own = join(folder, 'work', `${process.pid}`);
  store.contents.putText(text);
  store.write('steps', `step${n}`, { n, text, pid: process.pid }, warn);
  writeFileSync(own, text);
  await atOnce(store.contents.putFile(own, sha256(text)));
  count('puts');
  count('puts');

  const other = any();
  const got = store.contents.getText(sha256(content(other) as string), warn);
  looked(got, () => got === content(other));
  const json = store.read('steps', `step${other}`, warn) as { n: number; text: string } | undefined;
  looked(json, () => json!.n === other && json!.text === content(other));
  const back = await atOnce(store.contents.getFile(sha256(content(other) as string), own, false, warn));
  looked(back, () => isWhole(readFileSync(own, 'utf8')) && readFileSync(own, 'utf8') === content(other));
  ops = count('puts') as number;
}
tell();
process.exit();
