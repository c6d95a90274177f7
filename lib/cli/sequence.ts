import { all, program, task, type Runner } from '../index.ts';

/** Steps in series, the commands of each in parallel; the first failure ends it. */
export function sequence(steps: readonly (readonly string[])[], keepGoing: boolean): Runner<void> {
  return task(function* seq() {
    for (const commands of steps) {
      if (commands.length === 1) yield* program(commands[0]!);
      else if (keepGoing) yield* allToTheEnd(commands);
      else yield* all(commands.map((command) => program(command)));
    }
  });
}

/** Unlike `all` it lets the others end when one has failed. */
function* allToTheEnd(commands: readonly string[]) {
  const errors: unknown[] = [];
  yield* all(
    commands.map((command) =>
      task(function* seq() {
        try {
          yield* program(command);
        } catch (error) {
          errors.push(error);
        }
      }),
    ),
  );
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, `${errors.length} of ${commands.length} commands failed`);
}
