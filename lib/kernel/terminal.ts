// The terminal is one: a program that owns the keyboard (`stdin: 'inherit'`) runs alone with it, and reports are held
// meanwhile, so that nothing is printed over its screen.

let owner: object | undefined;
const waiting: { readonly token: object; readonly enter: () => void }[] = [];
const free = new Set<() => void>();

/** Calls `enter` when the terminal is free, at once if it is. The result leaves it, or the line for it. Idempotent. */
export function enterTerminal(enter: () => void): () => void {
  const token = {};
  if (owner === undefined) {
    owner = token;
    enter();
  } else waiting.push({ token, enter });
  return () => {
    if (owner !== token) {
      const index = waiting.findIndex((other) => other.token === token);
      if (index >= 0) waiting.splice(index, 1);
      return;
    }
    const next = waiting.shift();
    owner = next?.token;
    if (next !== undefined) next.enter();
    else for (const call of [...free]) call();
  };
}

/** Whether a program has the terminal now: reporters keep what they would print. */
export function terminalTaken(): boolean {
  return owner !== undefined;
}

/** Calls back each time the terminal becomes free; the result ends that. */
export function onTerminalFree(call: () => void): () => void {
  free.add(call);
  return () => free.delete(call);
}
