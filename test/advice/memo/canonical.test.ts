import fc from 'fast-check';
import t from 'tap';
import { canonical } from '../../../lib/advice/memo/canonical.ts';
import { serialize } from '../../../lib/store/serialize.ts';

const text = (value: unknown): string => serialize(canonical(value));

/** The same value, its fields in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, field]) => [name, shuffled(field)]),
  );
}

t.test('equal values have one text, whatever the order of their fields', async (t) => {
  fc.assert(
    fc.property(fc.anything({ withDate: true, withBigInt: true }), (value) => {
      t.equal(text(shuffled(value)), text(value));
    }),
    { numRuns: 300 },
  );
  const shared = { x: 1 };
  t.equal(text({ a: shared, b: shared }), text({ a: { x: 1 }, b: { x: 1 } }));
  const circle: any = { b: 1, a: {} };
  circle.a.circle = circle;
  t.equal(text(circle), text(circle));
});

t.test('different values have different texts', async (t) => {
  const all: unknown[] = [
    0,
    -0,
    '',
    '0',
    null,
    undefined,
    NaN,
    false,
    [],
    {},
    [undefined],
    [null],
    [, 1],
    [undefined, 1],
    { a: undefined },
    new Map(),
    new Set(),
    [0],
    { 0: 0 },
    Object.create(null),
    { ['__proto__']: 1 },
  ];
  t.equal(new Set(all.slice(0, -2).map(text)).size, all.length - 2);
  t.not(text({ ['__proto__']: 1 }), text({}));
  t.throws(() => text({ [Symbol('s')]: 1 }), TypeError);
  t.throws(() => text(Object.assign([1], { extra: 1 })), TypeError);
});
