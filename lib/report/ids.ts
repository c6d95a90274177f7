import type { RunId } from '../kernel/index.ts';

/**
 * What may be the ids of the runs around one, from the inside outwards. A key may have dots too (a host's name), so not every
 * part is a run.
 */
export function* idsAround(id: RunId): Generator<RunId, undefined> {
  for (let at = id.lastIndexOf('.'); at > 0; at = id.lastIndexOf('.', at - 1)) yield id.slice(0, at);
  return undefined;
}
