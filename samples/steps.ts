// Steps bring a machine into a state, and do nothing where it is in it: run twice, the second time all are "ok". Those of sluice
// run where programs run, so that the same function sets up this machine or, within `via.ssh(…)`, another one. A step of
// one's own is a generator function: it looks, changes what isn't as it should be, and tells what it has done.
//
//   sluice run samples/steps.ts [-- HOST]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureDir, ensureFile, ensureLine, note, program, via, within } from 'sluice';

/** A step of one's own: a link that leads there. */
function* ensureLink(path: string, target: string) {
  const { exitCode, stdout } = yield* program(['readlink', path], { unchecked: true });
  const before = exitCode === 0 ? stdout : undefined;
  if (before === target) {
    yield* note(`${path}: ok`);
    return { changed: false, before, after: target };
  }
  yield* program(['ln', '-sfn', target, path]);
  yield* note(`${path}: changed: leads to ${target}`);
  return { changed: true, before, after: target };
}

/** A release of an application; gives how many of its steps have changed something. */
function* release(at: string, version: string) {
  const steps = [
    yield* ensureDir(`${at}/releases/${version}`, { mode: 0o755 }),
    yield* ensureFile(`${at}/releases/${version}/app`, `#!/bin/sh\necho this is ${version}\n`, { mode: 0o755 }),
    yield* ensureLine(`${at}/app.conf`, `version ${version}`, { match: '^version ', create: true }),
    yield* ensureLink(`${at}/current`, `releases/${version}`),
  ];
  return steps.filter(({ changed }) => changed).length;
}

function* main(at: string) {
  for (const version of ['1.0', '1.0', '1.1']) {
    const changed = yield* release(at, version);
    yield* note(`${version}: ${changed} of 4 steps have changed something`);
  }
  yield* program([`${at}/current/app`]);
  // What would be different, without doing it.
  yield* ensureLine(`${at}/app.conf`, 'version 2.0', { match: '^version ', check: true });
}

export default function* (host?: string) {
  if (host !== undefined) return yield* within({ via: via.ssh(host) }, main('sluice-steps'));
  const folder = mkdtempSync(join(tmpdir(), 'sluice-steps-'));
  try {
    return yield* main(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
