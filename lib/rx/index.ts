// 'sluice/rx': events as Observables, and Observables as runners. rxjs 7 is the user's own.
export { lines$, observe, type LinesOptions, type Observed, type ObserveOptions } from './observe.ts';
export { toIterable, type IterableOptions } from './toIterable.ts';
export { fromObservable, type FromOptions } from './fromObservable.ts';
export { LiveObservable } from './live.ts';
