// tap follows child processes: it adds to the environment of every one and has each Node among them load code of its own,
// which listens to signals. Here children are what is tested, so they must be plain ones.
import { createRequire } from 'node:module';

for (const name of Object.keys(process.env)) {
  if (name.startsWith('_TAPJS_PROCESSINFO_') || name === 'NODE_OPTIONS') delete process.env[name];
}
createRequire(import.meta.resolve('@tapjs/processinfo'))('process-on-spawn').removeAllListeners();
