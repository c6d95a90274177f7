#!/usr/bin/env node
// The command line. `--version` is answered before anything heavy is loaded.
import { readFileSync } from 'node:fs';

const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

const [first, ...rest] = process.argv.slice(2);
if (rest.length === 0 && (first === '--version' || first === '-V')) {
  // Who closes the pipe (`sluice --version | true`) is told by the exit code, as by other programs; 128 + SIGPIPE.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => (process.exitCode = code === 'EPIPE' ? 141 : 1));
  process.stdout.write(`${version()}\n`);
} else {
  const { main } = await import('../lib/cli/main.ts');
  await main(process.argv.slice(2), version());
}
