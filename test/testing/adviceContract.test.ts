import t from 'tap';
import { around } from '../../lib/advice/around.ts';
import { retry } from '../../lib/advice/retry.ts';
import { slots } from '../../lib/advice/slots.ts';
import { idle, timeout } from '../../lib/advice/timeout.ts';
import { unchecked } from '../../lib/advice/unchecked.ts';
import { within } from '../../lib/compose/within.ts';
import { adviceContract } from '../../lib/testing/adviceContract.ts';
import { fakeClock } from '../../lib/testing/clock.ts';

const timed = () => {
  const clock = fakeClock();
  return { options: { clock }, finish: () => clock.advance('1s') };
};

adviceContract(t, 'no advice', (runner) => runner);
adviceContract(
  t,
  'around',
  around(function* (proceed) {
    return yield* proceed;
  }),
);
adviceContract(t, 'retry', retry(2), timed);
adviceContract(t, 'timeout', timeout('1m'), timed);
adviceContract(t, 'idle', idle('1m'), timed);
adviceContract(t, 'slots', slots(1));
adviceContract(t, 'unchecked', unchecked);
adviceContract(t, 'within', within({ cwd: '/' }));
