import t from 'tap';
import { posixSpawner } from '../../lib/spawn/local.ts';
import { conformance } from './conformance.ts';

conformance(t, posixSpawner);
