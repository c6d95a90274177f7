// Live output of several programs as one stream of events: the lines of every tenth of a second, counted by program.
//
//   sluice run samples/rx-live.ts --report quiet
import { all, promise, runCommandGens, sh } from 'sluice';
import { observe } from 'sluice/rx';
import { bufferTime, filter, groupBy, lastValueFrom, map, mergeMap, reduce, tap } from 'rxjs';

const talker = (name: string, count: number, every: number) =>
  sh({ label: name })`i=0; while [ $i -lt ${count} ]; do i=$((i + 1)); echo ${name} $i; sleep ${every}; done`;

export default function* main() {
  const loop = runCommandGens([all([talker('ant', 12, 0.05), talker('bee', 6, 0.1), talker('cat', 3, 0.2)])]);
  const lines = observe(loop).pipe(filter((event) => event.type === 'line'));

  const live = lines.pipe(
    bufferTime(100),
    filter((batch) => batch.length > 0),
    tap((batch) => console.log(`${batch.length} lines:`, batch.map(({ line }) => line).join(', '))),
  );
  const totals = lines.pipe(
    groupBy(({ line }) => line.split(' ', 1)[0]!),
    mergeMap((group) =>
      group.pipe(
        reduce((count) => count + 1, 0),
        map((count) => `${group.key} ${count}`),
      ),
    ),
    reduce((all: string[], one) => [...all, one], []),
  );
  const [, sums] = yield* promise(() => Promise.all([lastValueFrom(live), lastValueFrom(totals)]));
  console.log('in all:', sums.sort().join(', '));
  return sums;
}
