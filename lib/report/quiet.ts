import { isRunError, type Event, type RunId } from '../kernel/index.ts';
import { endColors, forTerminal, plain } from './clean.ts';
import { fully } from './explain.ts';
import { Screen, type ReportOptions } from './screen.ts';

/**
 * A report that prints nothing but failures, on stderr: of each generator of the loop that fails, what it was and the last
 * lines of the program. What a generator handles (a retry, a `catch`) is no failure of its own.
 */
export function quiet(options: ReportOptions = {}): (event: Event) => void {
  const screen = new Screen(options);
  const clean = screen.err.isTTY === true ? forTerminal : endColors;
  const labels = new Map<RunId, string>();
  return (event) => {
    const id = event.run;
    if (id.includes('.')) return;
    if (event.type === 'start') labels.set(id, event.label);
    else if (event.type === 'settle') {
      const label = labels.get(id) ?? id;
      labels.delete(id);
      if (event.outcome.type !== 'failed') return;
      const { error } = event.outcome;
      const text = isRunError(error) ? fully(error) : `${plain(label)}: ${fully(error)}`;
      screen.write('err', `${text.split('\n').map(clean).join('\n')}\n`);
    }
  };
}
