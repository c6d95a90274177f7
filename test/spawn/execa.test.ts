import t from 'tap';
import { execaSpawner } from '../../lib/spawn/local.ts';
import { conformance } from './conformance.ts';

conformance(t, execaSpawner);
