import { clipMiddle, displayWidth } from './width.ts';
import type { MetricsData, MetricsGroup } from './metrics.ts';
import { duration, size } from './words.ts';

const LABEL = 40;

const COLUMNS: readonly (readonly [head: string, cell: (group: MetricsGroup) => string])[] = [
  ['runs', ({ started }) => String(started)],
  ['finished', ({ finished }) => String(finished)],
  ['failed', ({ failed }) => String(failed)],
  ['killed', ({ killed }) => String(killed)],
  ['sum', ({ ms }) => time(ms.count === 0 ? null : ms.sum)],
  ['min', ({ ms }) => time(ms.min)],
  ['p50', ({ ms }) => time(ms.p50)],
  ['p95', ({ ms }) => time(ms.p95)],
  ['p99', ({ ms }) => time(ms.p99)],
  ['max', ({ ms }) => time(ms.max)],
  ['cpu', ({ programs }) => time(programs.count === 0 ? null : programs.userMs + programs.systemMs)],
  ['memory', ({ programs }) => (programs.maxRss === null ? '' : size(programs.maxRss))],
];

/** The numbers as a table: a line for each group, those that took the longest first, and their sum where there are several. */
export function metricsTable({ groups, total }: MetricsData): string {
  const sorted = Object.entries(groups).sort(([, a], [, b]) => b.ms.sum - a.ms.sum || b.started - a.started);
  const rows = [
    ['', ...COLUMNS.map(([head]) => head)],
    ...sorted.map(([name, group]) => rowOf(name, group)),
    ...(sorted.length > 1 ? [rowOf('all', total)] : []),
  ];
  // What no run has a number for is no column.
  const shown = rows[0]!.map((_, at) => at === 0 || rows.slice(1).some((row) => row[at] !== ''));
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => displayWidth(row[at]!))));
  return rows
    .map((row) =>
      row
        .flatMap((cell, at) => {
          const room = ' '.repeat(widths[at]! - displayWidth(cell));
          return shown[at]! ? [at === 0 ? cell + room : room + cell] : [];
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rowOf(name: string, group: MetricsGroup): string[] {
  const label = name.replace(/[\p{Cc}\p{Cf}]/gu, ' ');
  return [clipMiddle(label, LABEL), ...COLUMNS.map(([, cell]) => cell(group))];
}

function time(ms: number | null): string {
  return ms === null ? '' : duration(ms);
}
