// TCP between ssh and a host of the rig, in this process: a test that blocks it (spawnSync) blocks the relay too.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { RigHost } from './host.ts';
import type { Bad } from './bad.ts';
import type { Rig } from './rig.ts';

export interface RelayOptions {
  /** Of its Host entry. Default: the host's with `-relay` behind it. */
  name?: string;
  /** Milliseconds each way, order kept; the handshake of TCP takes its three. Default: 0, nothing waits. */
  delay?: number;
  /** Closes a connection when the host has sent so many bytes; these still arrive. */
  dropAfter?: number;
  /** More lines of its Host entry. */
  ssh?: readonly string[];
}

export interface Relay extends Bad {
  /** Open connections. */
  readonly connections: number;
  /** Accepted so far. */
  readonly accepted: number;
  /** Bytes passed on so far. */
  readonly bytes: { toHost: number; fromHost: number };
  /** Closes all connections now, by a reset; new ones are taken. */
  drop(): void;
  /** As a cut cable: nothing passes any more, and nobody is told; new connections are taken and stay silent. */
  cut(): void;
  /** What was held since `cut` goes on. */
  mend(): void;
}

/** A host of the rig behind a relay, with an address and a Host entry of its own. */
export async function relay(rig: Rig, host: RigHost, options: RelayOptions = {}): Promise<Relay> {
  const { name = `${host.name}-relay`, delay = 0, dropAfter = Infinity, ssh = [] } = options;
  const address = rig.address();
  const { port } = rig;
  const pairs = new Set<readonly [Way, Way]>();
  const bytes = { toHost: 0, fromHost: 0 };
  let [accepted, isCut] = [0, false];

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    accepted++;
    const target = connect({ port: host.port, host: host.address, allowHalfOpen: true, noDelay: true });
    const up = new Way(client, target, delay * 3, delay, (size) => (bytes.toHost += size));
    const down: Way = new Way(target, client, delay * 3, delay, (size) => (bytes.fromHost += size), dropAfter);
    const pair = [up, down] as const;
    pairs.add(pair);
    if (isCut) for (const way of pair) way.hold();
    for (const socket of [client, target]) {
      socket.on('error', () => {});
      socket.on('close', (hadError) => {
        pairs.delete(pair);
        const other = socket === client ? target : client;
        if (hadError) reset(other);
        else if (!other.writableEnded && other.readableEnded) other.destroy();
      });
    }
  });
  await listen(server, port, address);
  const drop = () => {
    for (const pair of pairs) for (const way of pair) way.reset();
  };
  const stop = async () => {
    drop();
    await new Promise((resolve) => server.close(resolve));
  };
  rig.atEnd(stop);
  rig.entry({ name, address, port, publicKey: host.publicKey, ssh: [...ssh, ...host.ssh] });
  return {
    name,
    address,
    port,
    bytes,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    drop,
    cut: () => {
      isCut = true;
      for (const pair of pairs) for (const way of pair) way.hold();
    },
    mend: () => {
      isCut = false;
      for (const pair of pairs) for (const way of pair) way.release();
    },
    stop,
  };
}

/** One direction of a connection. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  /** What is under way; undefined is the end. */
  readonly #queue: { readonly at: number; readonly chunk: Buffer | undefined }[] = [];
  readonly #opened: number;
  #left: number;
  #held = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #passed: (bytes: number) => void;

  constructor(
    from: Socket,
    to: Socket,
    handshake: number,
    delay: number,
    passed: (bytes: number) => void,
    left = Infinity,
  ) {
    this.#from = from;
    this.#to = to;
    this.#left = left;
    this.#passed = passed;
    // The kernel of this machine accepts at once: the host would hear of it only after the handshake.
    this.#opened = performance.now() + handshake;
    const arrive = (chunk: Buffer | undefined) => {
      this.#queue.push({ at: Math.max(this.#opened, performance.now()) + delay, chunk });
      this.#pass();
    };
    from.on('data', arrive);
    from.on('end', () => arrive(undefined));
    to.on('drain', () => this.#pass());
  }

  #pass(): void {
    clearTimeout(this.#timer);
    while (!this.#held && this.#queue.length > 0 && !this.#to.destroyed) {
      const { at, chunk } = this.#queue[0]!;
      const wait = at - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pass(), Math.ceil(wait));
        break;
      }
      if (this.#to.writableNeedDrain) break;
      this.#queue.shift();
      if (chunk === undefined) this.#to.end();
      else this.#write(chunk);
    }
    // Held or slow: the sender is to feel it. A delayed line holds what is under way.
    if (this.#held || this.#to.writableNeedDrain) this.#from.pause();
    else this.#from.resume();
  }

  #write(chunk: Buffer): void {
    const part = chunk.subarray(0, this.#left);
    this.#left -= part.length;
    this.#passed(part.length);
    this.#to.write(part);
    if (this.#left > 0) return;
    this.#held = true;
    this.#to.end(() => this.#to.destroy());
    this.#from.destroy();
  }

  hold(): void {
    this.#held = true;
    this.#pass();
  }

  release(): void {
    this.#held = false;
    this.#pass();
  }

  reset(): void {
    clearTimeout(this.#timer);
    reset(this.#from);
  }
}

/** Behind an `end` libuv takes no reset: Node would never close the socket, and spin when it ends itself. */
function reset(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

export function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve());
  });
}
