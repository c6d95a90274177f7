import t from 'tap';
import { suggest } from '../../lib/kernel/suggest.ts';

t.test('the nearest, if it is near enough', async (t) => {
  const options = ['slots', 'timeout', 'fail-fast', 'report', 'dry-run', 'cwd'];
  const meant: Record<string, string | undefined> = {
    slot: 'slots',
    slosts: 'slots',
    solts: 'slots',
    Timeout: 'timeout',
    failfast: 'fail-fast',
    dryrun: 'dry-run',
    cdw: 'cwd',
    verbose: undefined,
    x: undefined,
  };
  for (const [given, option] of Object.entries(meant)) t.equal(suggest(given, options), option, given);
});
