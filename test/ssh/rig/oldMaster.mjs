// oldMaster.mjs SSH -M -N -S PATH …: a master at whose socket another answers, who knows of PROTOCOL.mux what OpenSSH 7.2 does
// with a request that it doesn't know.
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';

const [real, ...words] = process.argv.slice(2);
const at = words.indexOf('-S') + 1;
const path = words[at];
words[at] += 'r';

const HELLO = 1;
const FAILURE = 0x80000003;

function frame(...fields) {
  const bytes = fields.map((field) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(typeof field === 'number' ? field : field.length);
    return typeof field === 'number' ? head : Buffer.concat([head, Buffer.from(field)]);
  });
  const body = Buffer.concat(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

const server = createServer((socket) => {
  let rest = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const message = rest.subarray(4, 4 + rest.readUInt32BE(0));
      rest = rest.subarray(4 + message.length);
      if (message.readUInt32BE(0) === HELLO) socket.write(frame(HELLO, 4));
      else socket.write(frame(FAILURE, message.readUInt32BE(4), 'unsupported request'));
    }
  });
});

const child = spawn(real, words, { stdio: 'inherit' });
const looking = setInterval(() => {
  if (!existsSync(words[at])) return;
  clearInterval(looking);
  server.listen(path);
}, 5);
child.on('exit', (code, signal) => {
  rmSync(path, { force: true });
  process.exit(signal === null ? code : 255);
});
process.on('SIGTERM', () => child.kill('SIGTERM'));
