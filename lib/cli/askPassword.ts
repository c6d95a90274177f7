// A password from whoever sits at the terminal, whatever stdin is.
import { openSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { UsageError } from './usage.ts';

/** Asks once, without showing what is typed. Ctrl-C ends the process, as ever. @throws UsageError without a terminal or a password */
export async function askPassword(prompt: string, option: string, instead: string): Promise<string> {
  const { ReadStream } = await import('node:tty');
  let fd: number;
  try {
    fd = openSync('/dev/tty', 'r+');
  } catch {
    throw new UsageError(`${option}: there is no terminal to ask on; ${instead}`);
  }
  const terminal = new ReadStream(fd);
  terminal.setRawMode(true); // before the prompt: what is typed at once isn't shown either
  writeSync(fd, prompt);
  const password = await new Promise<string | undefined>((resolve) => {
    const decoder = new StringDecoder('utf8');
    let typed: string[] = [];
    terminal.on('data', (chunk: Buffer) => {
      for (const key of decoder.write(chunk)) {
        if (key === '\r' || key === '\n' || key === '\x04') resolve(typed.join(''));
        else if (key === '\x03' || key === '\x1c') resolve(undefined);
        else if (key === '\x7f' || key === '\b') typed.pop();
        else if (key === '\x15') typed = [];
        else if (key !== '\0') typed.push(key);
      }
    });
    // The terminal has gone.
    terminal.on('error', () => resolve(undefined));
    terminal.on('end', () => resolve(undefined));
  });
  try {
    terminal.setRawMode(false);
    writeSync(fd, '\n');
  } catch {
    // gone
  }
  terminal.destroy();
  if (password === undefined) {
    process.kill(process.pid, 'SIGINT');
    await new Promise(() => setTimeout(() => {}, 1000)); // it comes between turns
  }
  if (password === undefined || password === '') throw new UsageError(`${option}: no password was given`);
  return password;
}
