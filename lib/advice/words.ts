// Specs, results, times and sizes in words, for reports, logs and tables.
import type { Spec } from '../kernel/index.ts';
import { quote } from '../runners/quote.ts';

/** What a run would do: a program as it would be typed, others as their spec. */
export function wouldDo(spec: Spec): string {
  if (spec.type === 'program')
    return `$ ${commandOf(spec)}${typeof spec['cwd'] === 'string' ? ` (in ${spec['cwd']})` : ''}`;
  if (spec.type === 'pipe' && Array.isArray(spec['of']))
    return `$ ${(spec['of'] as Spec[]).map(commandOf).join(' | ')}`;
  return JSON.stringify(spec);
}

function commandOf(spec: Spec): string {
  const { command } = spec;
  return Array.isArray(command) ? command.map((word) => quote(String(word))).join(' ') : String(command);
}

/** A field of what a run gave, which may be anything; undefined where it has none, or one that throws. */
export function fieldOf(value: unknown, name: string): unknown {
  try {
    return (value as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}

/** A time as people say it: '12 ms', '1.2 s', '2 min 5 s', '1 h 2 min'. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A size as people say it, in the units that sizes are given in: '512 B', '1.2 MiB'. */
export function size(bytes: number): string {
  let value = bytes;
  let power = 0;
  for (; value >= 1023.5 && power < 4; power++) value /= 1024;
  return `${power === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]!}`;
}
