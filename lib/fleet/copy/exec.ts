// One short script on a host, by one channel: what it reads is sent with it, so it takes two round trips. No watcher stands
// beside it: it must end by itself once nobody sends or reads any more.
import type { Channel, ChannelEvents } from '../../ssh/channel.ts';
import { ConnectionError } from '../../ssh/failure.ts';
import { loginText } from '../../ssh/loginText.ts';
import type { Claim, Transport } from '../../ssh/transport.ts';

/** How it ended. */
export interface Executed {
  /** Undefined where a signal ended it. */
  readonly exitCode: number | undefined;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const STDERR = 8192;

/**
 * Runs a script of sh, which has no newline, with its arguments. Rejects with a ConnectionError;
 * where `signal` is aborted it is left alone, and ends when it finds that.
 */
export function execute(
  connection: Transport,
  { script, args }: { readonly script: string; readonly args: readonly string[] },
  input: Uint8Array,
  signal: AbortSignal,
  running: () => void,
): Promise<Executed> {
  const command = loginText(script, args);
  return new Promise((resolve, reject) => {
    let channel: Channel | undefined;
    let exitCode: number | undefined;
    let exited = false;
    let rest = input;
    const stdout: Buffer[] = [];
    let stderr = '';
    const failed = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      reject(error);
    };
    const abort = (): void => {
      if (channel === undefined) connection.withdraw(claim);
      else channel.close();
      failed(signal.reason as Error);
    };
    const flow = (): void => {
      rest = rest.subarray(channel!.write(rest));
      if (rest.length === 0) channel!.eof();
    };
    const events: ChannelEvents = {
      opened() {
        running();
        channel!.exec(command);
        flow();
      },
      replied(success) {
        if (success) return;
        channel!.close();
        failed(new ConnectionError('session', 'the server runs no commands'));
      },
      data(stream, chunk) {
        channel!.taken(chunk.length);
        if (stream === 'stdout') stdout.push(chunk);
        else stderr = (stderr + chunk.toString()).slice(-STDERR);
      },
      exited(code) {
        exited = true;
        exitCode = code;
      },
      writable: flow,
      ended() {},
      refused: (message) => failed(new ConnectionError('session', `the server opens no channel: ${message}`)),
      closed() {
        signal.removeEventListener('abort', abort);
        if (exited) resolve({ exitCode, stdout: Buffer.concat(stdout), stderr });
        else reject(new ConnectionError('lost', 'the session was closed without an exit status'));
      },
      lost: (error) => failed(new ConnectionError('lost', error.message)),
    };
    const claim: Claim = { events, opening: (given) => (channel = given), failed };
    if (signal.aborted) abort();
    else {
      signal.addEventListener('abort', abort, { once: true });
      connection.claim(claim);
    }
  });
}
