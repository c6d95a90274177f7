import type { Channel } from './channel.ts';
import { killScript } from './remoteScript.ts';
import type { Transport } from './transport.ts';

/** Signals a session by a channel of its own. `instead` is called once where the server has no room for one. */
export function kill(connection: Transport, pid: number, signal: string, instead?: () => void): void {
  let channel: Channel | undefined;
  let waits = false;
  const ignore = (): void => {};
  connection.claim({
    ends: true,
    waits() {
      if (!waits) instead?.();
      waits = true;
    },
    opening: (given) => (channel = given),
    failed: ignore,
    events: {
      opened: () => channel!.exec(killScript(pid, signal)),
      replied: () => channel!.eof(),
      data: (_stream, chunk) => channel!.taken(chunk.length),
      ...{ refused: ignore, ended: ignore, exited: ignore, writable: ignore, closed: ignore, lost: ignore },
    },
  });
}
