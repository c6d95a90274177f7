// Ways for the programs of a subtree to be started, for `within`.
import { viaSsh } from '../ssh/via.ts';

/** `within({ via: via.ssh('web01') }, body)`: what `body` runs is run there. Nested, the innermost goes first. */
export const via = {
  ssh: viaSsh,
};
