/** Text for stdout. Whose reader has left, as in `sluice why | head`, has seen enough; what else goes wrong is told. */
export function print(text: string): void {
  if (text === '') return;
  if (!listening) {
    listening = true;
    process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code === 'EPIPE') return;
      process.exitCode = 1;
      process.stderr.write(`sluice: the output can not be written: ${message}\n`);
    });
  }
  process.stdout.write(text);
}

let listening = false;
