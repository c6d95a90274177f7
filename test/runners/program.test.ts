import t from 'tap';
import '../support.ts';
import { program } from '../../lib/runners/program.ts';
import { contract } from '../../lib/testing/contract.ts';

contract(t, 'program', () => ({
  runner: () => program('echo hi'),
  endless: () => program('sleep 1000'),
  failing: () => program('false'),
}));
