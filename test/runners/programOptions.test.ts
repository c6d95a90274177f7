import t from 'tap';
import { settings } from '../../lib/runners/programOptions.ts';
import { CAPTURE } from '../../lib/runners/tail.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

t.test('what a user can live with who says nothing', async (t) => {
  for (const none of [{}, { label: 'x' }])
    t.match(settings(none), {
      timeout: Infinity,
      grace: 5000,
      maxLine: 16 * MiB,
      capture: undefined,
      encoding: 'utf8',
      partial: undefined,
      quiet: 200,
      cap: 2000,
    });
  t.equal(CAPTURE, 16 * MiB);
});

t.test('times and sizes as they are written', async (t) => {
  t.match(settings({ timeout: '5m', grace: '250ms', partial: 200, maxLine: '64KiB', capture: '1MiB' }), {
    timeout: 300_000,
    grace: 250,
    partial: 200,
    maxLine: 64 * KiB,
    capture: MiB,
  });
  t.match(settings({ drain: { quiet: '1s' } }), { quiet: 1000, cap: 2000 });
  t.match(settings({ drain: { cap: '1m' } }), { quiet: 200, cap: 60_000 });
  t.match(settings({ drain: 'close' }), { quiet: Infinity, cap: Infinity });
});

t.test('who captures more than a line may be long gets lines that long; capture: false keeps nothing', async (t) => {
  t.match(settings({ capture: '20MiB' }), { maxLine: 20 * MiB });
  t.match(settings({ capture: '20MiB', maxLine: '1KiB' }), { maxLine: KiB });
  t.match(settings({ capture: false }), { capture: 0, maxLine: 16 * MiB });
});
