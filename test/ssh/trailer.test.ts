import fc from 'fast-check';
import t from 'tap';
import { Trailer } from '../../lib/ssh/trailer.ts';
import '../support.ts';

const token = 'sluice-0123456789abcdef01';

t.test('what is the command’s is kept to the byte, wherever the chunks end', (t) => {
  // Also texts that look like it.
  const text = fc
    .array(fc.constantFrom('a', '\n', 'sluice', token, `${token}:`, `${token}: `, '-', 's', 'é'), { maxLength: 8 })
    .map((parts) => parts.join(''))
    .filter((joined) => !/:(?:begin|\d+)\n/.test(joined) && !joined.includes(`${token}:`));
  fc.assert(
    fc.property(
      text,
      text,
      text,
      fc.array(fc.nat(60), { maxLength: 30 }),
      fc.nat(255),
      (before, own, after, cuts, status) => {
        const all = Buffer.from(`${before}${token}:begin\n${own}${token}:${status}\n${after}`);
        const trailer = new Trailer(token);
        const got = { before: [] as Buffer[], own: [] as Buffer[] };
        let at = 0;
        for (const size of [...cuts, all.length]) {
          const parts = trailer.push(all.subarray(at, at + size));
          got.before.push(parts.before);
          got.own.push(parts.own);
          at += size;
        }
        got.own.push(trailer.rest());
        return (
          trailer.begun &&
          trailer.status === status &&
          Buffer.concat(got.before).toString() === before &&
          Buffer.concat(got.own).toString() === own + after
        );
      },
    ),
    { numRuns: 2000 },
  );
  t.end();
});

t.test('what never came to its end is not lost', (t) => {
  const trailer = new Trailer(token);
  t.equal(trailer.push(Buffer.from(`${token}:begin\nx${token}`)).own.toString(), 'x');
  t.equal(trailer.rest().toString(), token);
  t.equal(trailer.status, undefined);
  t.end();
});
