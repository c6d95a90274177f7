// The entry point 'sluice/testing': for tests of scripts, and of runners and advice of one's own.
export { scripted, type ScriptedOptions, type ScriptedSpawner } from './scripted.ts';
export { type Expected, type Output, type ScriptedCall } from './scriptedTypes.ts';
export { fakeClock, type FakeClock, type FakeClockOptions } from './clock.ts';
export { puppet, type GrandchildOptions, type Owner, type Puppet, type PuppetRun } from './puppet.ts';
export { contract } from './contract.ts';
export { type Subject } from './subject.ts';
export { adviceContract, type Surroundings } from './adviceContract.ts';
export { type Suite } from './record.ts';
