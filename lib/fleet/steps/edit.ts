// What a host will do with the lines of a file, for its diff: the same in bytes that are here.

/** A change of lines. */
export interface Edit {
  readonly name: 'ok' | 'new' | 'add' | 'replace' | 'delete';
  /** In words. */
  readonly told: string;
  /** The lines that go. */
  readonly before: string | undefined;
  apply(content: Buffer): Buffer;
}

/**
 * `about` is what the host says: the lines that go, each behind its number as `grep -n` has it, or the number of the line behind
 * which `line` is added.
 */
export function editOf(name: Edit['name'], about: string, line: string): Edit {
  const going = name === 'replace' || name === 'delete' ? about.split('\n') : [];
  const numbers = new Set(going.map((one) => parseInt(one, 10)));
  const before = going.map((one) => one.slice(one.indexOf(':') + 1)).join('\n');
  const added = Buffer.from(`${line}\n`);
  const told = {
    ok: 'ok',
    new: 'created',
    add: 'a line added',
    replace: 'a line replaced',
    delete: going.length === 1 ? 'a line removed' : `${going.length} lines removed`,
  }[name];
  return {
    name,
    told,
    before: going.length === 0 ? undefined : before,
    apply(content) {
      const lines = linesOf(content);
      if (name === 'delete') return whole(lines.filter((_, index) => !numbers.has(index + 1)));
      if (name === 'ok') return content;
      const at = name === 'replace' ? parseInt(about, 10) - 1 : Number(about || 0);
      const head = lines.slice(0, at);
      return Buffer.concat([whole(head), added, ...lines.slice(name === 'replace' ? at + 1 : at)]);
    },
  };
}

/** With their ends; the last may have none. */
function linesOf(content: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < content.length;) {
    const end = content.indexOf(10, from);
    const next = end === -1 ? content.length : end + 1;
    lines.push(content.subarray(from, next));
    from = next;
  }
  return lines;
}

/** The last with its end too. */
function whole(lines: readonly Buffer[]): Buffer {
  const last = lines.at(-1);
  return Buffer.concat(last === undefined || last.at(-1) === 10 ? lines : [...lines, Buffer.from('\n')]);
}
