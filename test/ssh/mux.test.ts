import t from 'tap';
import { conformance } from './conformance.ts';
import { sshdMissing } from './rig/rig.ts';

const missing = sshdMissing();
if (missing !== undefined) t.test('commands by channels of a master', { skip: missing }, () => {});
else conformance(t, {});
