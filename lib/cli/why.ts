import type { CommandModule } from 'yargs';
import { forTerminal } from '../report/clean.ts';
import { duration } from '../report/explain.ts';
import { print } from './print.ts';
import { storeOption, type StoreArguments } from './store.ts';
import { UsageError } from './usage.ts';

interface WhyArguments extends StoreArguments {
  readonly label: string | undefined;
}

/** So many names are told where none fits. */
const LISTED = 8;

/** `sluice why [LABEL]`. */
export const why: CommandModule<object, WhyArguments> = {
  command: 'why [label]',
  describe: 'tell why a step ran, and whether it would now',
  builder: (yargs) =>
    yargs
      .usage(
        '$0 why [LABEL]\n\nTells of the steps (runs with a memo) whose label or output is LABEL, or has it in it: why each ran the last time, ' +
          'and what has changed since. Without LABEL, of all.',
      )
      .positional('label', {
        type: 'string',
        describe: 'a label as reports print it, or an output',
        defaultDescription: 'all',
      })
      .options(storeOption)
      .example("$0 why 'cc -c a.c'", 'which input has changed?') as never,
  handler: async ({ label, ...argv }) => {
    const [{ openStore }, { whys }, { few }, { atOnce }, { suggest, nearestFirst }] = await Promise.all([
      import('./store.ts'),
      import('../advice/memo/why.ts'),
      import('../advice/memo/diff.ts'),
      import('../store/paced.ts'),
      import('../kernel/suggest.ts'),
    ]);
    const { store, project } = openStore(argv);
    const warn = (text: string): void => void process.stderr.write(`sluice: ${text}\n`);
    const all = await atOnce(whys(store, project, warn));
    const names = (one: (typeof all)[number]): string[] => [one.label, ...one.outputs];
    let shown = label === undefined ? all : all.filter((one) => names(one).includes(label));
    if (shown.length === 0 && label !== undefined)
      shown = all.filter((one) => names(one).some((name) => name.includes(label)));
    if (shown.length === 0) {
      const known = [...new Set(all.flatMap(names))];
      if (label === undefined || known.length === 0) throw new UsageError(`${store.folder} knows of no step`);
      const near = suggest(label, known);
      const some = nearestFirst(label, known).slice(0, LISTED);
      throw new UsageError(
        `no step is called ${label}`,
        near === undefined
          ? `known are ${some.join(', ')}${known.length > LISTED ? `, … (${known.length})` : ''}`
          : `did you mean ${near}?`,
      );
    }
    for (const { label: name, outputs, at, why: reasons, now, unseen } of shown) {
      const lines = [
        outputs.length === 0 ? name : `${name} → ${outputs.join(', ')}`,
        `  ran ${duration(Math.max(0, Date.now() - at))} ago: ${reasons.length === 0 ? 'for the first time' : reasons.join('; ')}`,
        `  now: ${now.length === 0 ? 'its files and variables are unchanged' : few(now).join('; ')}`,
        ...(unseen.length === 0 ? [] : [`  not looked at: ${unseen.join(', ')}`]),
      ];
      print(`${lines.map(forTerminal).join('\n')}\n`);
    }
  },
};
