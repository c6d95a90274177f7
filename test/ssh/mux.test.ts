import t from 'tap';
import { conformance } from './conformance.ts';
import { rigMissing } from './rig/rig.ts';

const missing = rigMissing();
if (missing !== undefined) t.test('commands by channels of a master', { skip: missing }, () => {});
else conformance(t, {});
