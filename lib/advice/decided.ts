import { isThenable } from '../kernel/late.ts';

/** What a `when` says. A promise is always true: `when: async …` would be yes whatever it says. @throws TypeError */
export function decided(answer: unknown, advice: string): boolean {
  if (!isThenable(answer)) return Boolean(answer);
  Promise.resolve(answer).catch(() => {});
  throw new TypeError(`${advice}: when gave a promise; it has to decide at once`);
}
