import type { Via } from '../kernel/index.ts';
import { show } from '../kernel/runnable.ts';

/** Programs give way to others: -20 (they don't, and need the right to it) to 19. Default 10. */
export function viaNice(niceness = 10): Via {
  if (!Number.isInteger(niceness) || niceness < -20 || niceness > 19)
    throw new TypeError(`via.nice: a number from -20 to 19, not ${show(niceness)}`);
  return {
    spec: { nice: niceness },
    rewrite: (command) => ({ ...command, argv: ['nice', '-n', String(niceness), ...command.argv] }),
  };
}
