// What the tests of steps share.
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Event, Runner } from '../../../lib/kernel/index.ts';
import type { LoopOptions } from '../../../lib/kernel/root.ts';
import { folder } from '../support.ts';

/** What a step gives, what it notes, and how many programs and lines it took. */
export async function notesOf<T>(
  runner: Runner<T>,
  options: LoopOptions = {},
): Promise<{ value: T; notes: string[]; programs: number; lines: number }> {
  const events: Event[] = [];
  const value = await runner.run({ ...options, onEvent: (event) => void events.push(event) });
  return {
    value,
    notes: events.flatMap((event) => (event.type === 'note' ? [event.text] : [])),
    programs: events.filter((event) => event.type === 'start' && event.spec.type === 'program').length,
    lines: events.filter((event) => event.type === 'line').length,
  };
}

/** A folder for PATH: programs of sh by their text, and some of this machine's own. */
export function bin(t: Test, programs: Readonly<Record<string, string>>, own: readonly string[] = []): string {
  const path = folder(
    t,
    Object.fromEntries(Object.entries(programs).map(([name, text]) => [name, `#!/bin/sh\n${text}\n`])),
  );
  for (const name of own)
    symlinkSync(['/usr/bin', '/bin', '/sbin'].map((at) => join(at, name)).find(existsSync)!, join(path, name));
  return path;
}
