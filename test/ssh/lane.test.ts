import t from 'tap';
import { conformance } from './conformance.ts';
import { sshdMissing } from './rig/rig.ts';

const missing = sshdMissing();
if (missing !== undefined) t.test('steps of a shell that stays', { skip: missing }, () => {});
else {
  // A signal that has ended a step is the exit code that a shell has for it.
  conformance(t, { lane: true }, ['tells a signal from an exit code']);
}
