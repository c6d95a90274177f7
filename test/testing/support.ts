import type { Suite } from '../../lib/testing/record.ts';

/** Which tests of a suite fail, by name; they run one after the other. */
export async function failuresOf(suite: (suite: Suite) => void): Promise<string[]> {
  const tests: [name: string, body: () => Promise<void>][] = [];
  suite((name, body) => tests.push([name, body]));
  const failed: string[] = [];
  for (const [name, body] of tests) await body().catch(() => failed.push(name));
  return failed;
}
