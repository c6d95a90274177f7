import t from 'tap';
import { conformance } from './conformance.ts';
import { sshdMissing } from './rig/rig.ts';

const missing = sshdMissing();
if (missing !== undefined) t.test('commands by an ssh each', { skip: missing }, () => {});
else {
  // A signal that has ended a command is the exit code that a shell has for it; nothing is shared.
  conformance(t, { transport: 'client' }, ['tells a signal from an exit code', 'one login at a jump host']);
}
