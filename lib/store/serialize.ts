// Values as texts, and back. The texts are devalue's: JSON, in which equal references stay equal; what it doesn't know is added in
// reduce.ts and revive.ts.
import { stringify, unflatten } from 'devalue';
import { isOverflow, Reduction } from './reduce.ts';
import { Revival } from './revive.ts';

const TAG = 'sluice';
/** devalue's signs for an element that isn't there, and for an array of few that are. */
const HOLE = -2;
const SPARSE = -7;

/**
 * A value as JSON text that `deserialize` makes the same value of: JSON's own types; undefined, NaN, ±Infinity, -0, bigint, sparse arrays, objects
 * without prototype; Date, Map, Set, RegExp, URL, URLSearchParams, Buffer, ArrayBuffer, its views, boxed primitives, Symbol.for(…); errors
 * with stack, cause and fields; instances of registered classes (`registerClass`). Circular and shared references stay what they are.
 * A view of a part of an ArrayBuffer keeps that part; getters become what they give; fields that are not enumerable are kept of
 * errors only. TypeError: something in it can't be kept, or is nested too deeply (about 1,000 levels); it names the path.
 */
export function serialize(value: unknown): string {
  const reduction = new Reduction(value);
  try {
    return stringify(value, { [TAG]: reduction.reduce }, { operations: reduction.operations });
  } catch (error) {
    if (isOverflow(error)) return reduction.fail(`is nested too deeply: ${reduction.place.depth} levels`, error);
    if (error instanceof TypeError && error.message.startsWith('serialize: ')) throw error;
    return reduction.fail(`can't be read: ${String(error)}`, error);
  }
}

/**
 * The value of a text that `serialize` gave. It runs no code of the text's and pollutes no prototype: the only functions called are
 * those of registered classes. TypeError: anything else than a whole such text, or one that names a class that isn't registered.
 */
export function deserialize(text: string): unknown {
  if (typeof text !== 'string') throw new TypeError(`deserialize: needs a string, not ${typeof text}`);
  const revival = new Revival();
  try {
    const value: unknown = unflatten(
      checked(JSON.parse(text)),
      { [TAG]: revival.revive },
      { operations: revival.operations },
    );
    revival.finish();
    return value;
  } catch (error) {
    if (isOverflow(error)) throw new TypeError('deserialize: the text is nested too deeply', { cause: error });
    if (error instanceof TypeError && error.message.startsWith('deserialize: ')) throw error;
    throw new TypeError(`deserialize: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** devalue takes a reference that leads nowhere for undefined. */
function checked(rows: unknown): number | any[] {
  if (typeof rows === 'number') return rows;
  if (!Array.isArray(rows)) throw new TypeError('deserialize: the text is not one of serialize');
  const leads = (to: unknown, hole: boolean): boolean =>
    typeof to !== 'number' || (Number.isInteger(to) && to < rows.length && to >= -6 && (hole || to !== HOLE));
  for (const row of rows as unknown[]) {
    if (typeof row !== 'object' || row === null) continue;
    const sparse = Array.isArray(row) && row[0] === SPARSE;
    const references = sparse ? row.filter((_, index) => index % 2 === 1 && index > 1) : Object.values(row);
    if (!references.every((to) => leads(to, Array.isArray(row) && typeof row[0] === 'number')))
      throw new TypeError('deserialize: a reference leads nowhere');
  }
  return rows;
}
