// The build of memo.mjs as a script of its own: `node memoAlone.mjs COUNT`.
import { runCommandGens } from 'sluice';
import main from './memoBuild.mjs';

await runCommandGens([main(process.argv[2])], { slots: 2 });
