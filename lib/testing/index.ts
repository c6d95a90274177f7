// The entry point 'sluice/testing': for tests of scripts, and of runners and advice of one's own.
export { contract } from './contract.ts';
export { adviceContract, type Surroundings } from './adviceContract.ts';
export { fakeClock, type FakeClock, type FakeClockOptions } from './clock.ts';
export { type Subject } from './subject.ts';
export { type Suite } from './record.ts';
