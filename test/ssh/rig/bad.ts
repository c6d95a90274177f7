// Addresses where no sshd answers as it should. What a real sshd can be told to do wrong are options of a host.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { RigHost } from './host.ts';
import { listen } from './relay.ts';
import type { Rig } from './rig.ts';

export interface Bad {
  /** Of its Host entry in the rig's config. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Called by the rig's `stop` too. */
  stop(): Promise<void>;
}

/** Nothing listens. */
export function refuses(rig: Rig, name = 'refuses'): Bad {
  const { port } = rig;
  const address = rig.address();
  rig.entry({ name, address, port });
  return { name, address, port, stop: async () => {} };
}

/** Accepts and never answers. */
export function silent(rig: Rig, name = 'silent'): Promise<Bad> {
  return answers(rig, name, () => {});
}

/** Sends the banner, then nothing. */
export function stalls(rig: Rig, name = 'stalls'): Promise<Bad> {
  return answers(rig, name, (socket) => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n'));
}

/** Closes each connection as soon as it is accepted, as sshd does over MaxStartups. */
export function hangsUp(rig: Rig, name = 'hangsUp'): Promise<Bad> {
  return answers(rig, name, (socket) => socket.destroy());
}

/** What the address of a host that is down does until `stop`: packets of new connections get no answer. */
export async function drops(rig: Rig, { name, address, port }: RigHost): Promise<Bad> {
  // The system answers as long as the queue has room of a process that listens and accepts none.
  const script = `require('net').createServer().listen(${port}, '${address}', 1, () => {
    require('fs').writeSync(1, 'listens');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  })`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  const fill = Array.from({ length: 4 }, () => connect(port, address).on('error', () => {}));
  await once(fill[0]!, 'connect');
  const stop = async () => {
    for (const socket of fill) socket.destroy();
    child.kill('SIGKILL');
    await ended;
  };
  rig.atEnd(stop);
  return { name, address, port, stop };
}

/** Whatever TCP can say. */
export async function answers(rig: Rig, name: string, answer: (socket: Socket) => unknown): Promise<Bad> {
  const { port } = rig;
  const address = rig.address();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.resume();
    answer(socket);
  });
  await listen(server, port, address);
  const stop = async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  rig.atEnd(stop);
  rig.entry({ name, address, port });
  return { name, address, port, stop };
}
