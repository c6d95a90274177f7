// Ways for the programs of a subtree to be started, for `within`.
import { viaDocker, viaKubectl } from '../ssh/container.ts';
import { viaNice } from '../ssh/nice.ts';
import { viaSsh } from '../ssh/via.ts';
import { viaSudo } from '../ssh/sudo.ts';

/**
 * `within({ via: via.ssh('web01') }, body)`: what `body` runs is run there. Nested, the innermost goes first: `via.sudo()` around
 * `via.nice(10)` is `sudo nice -n 10 …`, and both within `via.ssh('web01')` run there.
 */
export const via = {
  ssh: viaSsh,
  sudo: viaSudo,
  docker: viaDocker,
  kubectl: viaKubectl,
  nice: viaNice,
};
