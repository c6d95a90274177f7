// What a puppet is: a program that does as it is told over a socket, and tells of the signals it gets.

/** What a puppet says first. */
export interface Hello {
  readonly pid: number;
  readonly ppid: number;
  readonly cwd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What it is told; each is answered, except those that end it. `text` is base64. */
export type Order = { readonly id: number } & (
  | { readonly do: 'write'; readonly fd: number; readonly text: string }
  | { readonly do: 'readLine' }
  | { readonly do: 'close'; readonly fd: number }
  | { readonly do: 'ignore'; readonly signals: readonly NodeJS.Signals[] }
  | {
      readonly do: 'grandchild';
      readonly args: readonly string[];
      readonly detached: boolean;
      readonly fds: readonly number[];
    }
  | { readonly do: 'exit'; readonly code: number }
  | { readonly do: 'die'; readonly signal: NodeJS.Signals }
);

/** What it says. */
export type Said =
  | { readonly hello: Hello }
  | { readonly signal: NodeJS.Signals }
  | { readonly id: number; readonly value?: string | number | null; readonly error?: string };

/**
 * The program itself. Its source becomes a file of its own, so that it starts as fast as Node does, without a loader: it
 * stands on nothing outside of this function.
 */
export function puppetProgram(): void {
  const { connect } = process.getBuiltinModule('node:net');
  const { close, write } = process.getBuiltinModule('node:fs');
  const { spawn } = process.getBuiltinModule('node:child_process');
  const [, self = '', ...args] = process.argv;
  const socket = connect(self.replace(/[^/]*$/, 'strings'));
  const say = (said: Said, then?: () => void): void => void socket.write(`${JSON.stringify(said)}\n`, then);

  const ignored = new Set<NodeJS.Signals>(['SIGCONT', 'SIGWINCH']);
  const die = (signal: NodeJS.Signals): void => {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGCONT', 'SIGWINCH'] as const)
    process.on(signal, () => say({ signal }, () => ignored.has(signal) || die(signal)));

  const lines: (string | null)[] = [];
  const readers: ((line: string | null) => void)[] = [];
  let rest: string | undefined;
  const serve = (): void => {
    while (readers.length > 0 && (lines.length > 0 || rest === undefined)) readers.shift()!(lines.shift() ?? null);
  };
  const readStdin = (): void => {
    if (rest !== undefined || process.stdin.listenerCount('data') > 0) return;
    rest = '';
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', (text: string) => {
      const found = (rest + text).split('\n');
      rest = found.pop();
      lines.push(...found);
      serve();
    });
    const end = (): void => {
      if (rest !== undefined && rest !== '') lines.push(rest);
      rest = undefined;
      serve();
    };
    process.stdin.on('end', end);
    process.stdin.on('error', end);
  };

  const writeAll = (fd: number, bytes: Buffer, done: (error: Error | null) => void): void =>
    write(fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error !== null && error.code !== 'EAGAIN') done(error);
      else if (error !== null)
        setTimeout(() => writeAll(fd, bytes, done), 1); // a full pipe that doesn't block
      else if (written < bytes.length) writeAll(fd, bytes.subarray(written), done);
      else done(null);
    });

  const obey = (order: Order): void => {
    const { id } = order;
    const answer = (error: Error | null, value?: string | number | null): void =>
      say(error === null ? { id, ...(value === undefined ? {} : { value }) } : { id, error: error.message });
    switch (order.do) {
      case 'write':
        writeAll(order.fd, Buffer.from(order.text, 'base64'), answer);
        break;
      case 'readLine':
        readers.push((line) => answer(null, line));
        readStdin();
        serve();
        break;
      case 'close':
        close(order.fd, (error) => answer(error ?? null));
        break;
      case 'ignore':
        for (const signal of order.signals) ignored.add(signal);
        answer(null);
        break;
      case 'grandchild': {
        const stdio = [0, 1, 2].map((fd) => (order.fds.includes(fd) ? ('inherit' as const) : ('ignore' as const)));
        const child = spawn(process.execPath, [self, ...order.args], { stdio, detached: order.detached });
        child.on('error', answer);
        if (child.pid !== undefined) answer(null, child.pid);
        break;
      }
      case 'exit':
        process.exit(order.code);
        break;
      case 'die':
        die(order.signal);
    }
  };

  let orders = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const found = (orders + text).split('\n');
    orders = found.pop()!;
    for (const line of found) obey(JSON.parse(line) as Order);
  });
  // Nobody pulls the strings any more.
  socket.on('error', () => process.exit(70));
  socket.on('close', () => process.exit(70));
  const { pid, ppid, env } = process;
  say({ hello: { pid, ppid, cwd: process.cwd(), args, env } });
}
