// What stands in for an sshd where there is none: the server of the package ssh2, which gives each command to the user's real
// shell. It is a process for itself, and so is each connection, as with sshd: what looks after the remote command sees its
// connection end by that. Only commands: no sftp, no forwarding, no terminal, and nothing of sshd_config.
//   node standIn.mjs '{"address", "port", "key", "authorizedKeys", "log", "home", "env"}'
import { fork, spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import ssh2 from 'ssh2';

const [given, isConnection] = process.argv.slice(2);
/** @type {{ address: string, port: number, key: string, authorizedKeys: string, log: string, home: string, env: Record<string, string> }} */
const place = JSON.parse(given);
const { username, shell } = userInfo();

// The rig, and its guard, know sshds by their name.
process.title = 'sshd-stand-in';

const log = (text) => appendFileSync(place.log, `${text}\n`);

if (isConnection === undefined) listen();
else process.once('message', (_, socket) => serve(socket));

function listen() {
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const connection = fork(fileURLToPath(import.meta.url), [given, 'connection'], { stdio: 'ignore' });
    connection.once('error', () => socket.destroy());
    connection.send('connection', socket);
  });
  server.once('error', (error) => {
    log(`Cannot bind: ${error.message}`);
    process.exit(1);
  });
  server.listen(place.port, place.address, () => log(`Server listening on ${place.address} port ${place.port}.`));
}

/** One connection, and then the end of this process. */
function serve(socket) {
  if (socket === undefined) process.exit(); // it was closed before it came here
  const { remoteAddress, remotePort } = socket;
  socket.once('close', () => process.exit());
  const server = new ssh2.Server({ hostKeys: [readFileSync(place.key)] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (context) => {
      if (context.username !== username || context.method !== 'publickey' || !mayLogIn(context)) {
        context.reject(['publickey']);
        return;
      }
      if (context.signature !== undefined) log(`Accepted publickey for ${username} from ${remoteAddress}`);
      context.accept();
    });
    client.on('session', (accept) => attend(accept(), `${remoteAddress} ${remotePort}`));
  });
  server.injectSocket(socket);
}

/** Whether the key is one of those, and the other side has it. */
function mayLogIn({ key, signature, blob, hashAlgo }) {
  const keys = readFileSync(place.authorizedKeys, 'utf8')
    .trim()
    .split('\n')
    .map((line) => ssh2.utils.parseKey(line));
  const known = keys.find((one) => !(one instanceof Error) && one.getPublicSSH().equals(key.data));
  if (known === undefined) return false;
  return signature === undefined || known.verify(blob, signature, hashAlgo) === true;
}

function attend(session, from) {
  const env = {
    ...{ USER: username, LOGNAME: username, SHELL: shell, ...place.env },
    ...{ SSH_CLIENT: `${from} ${place.port}`, SSH_CONNECTION: `${from} ${place.address} ${place.port}` },
  };
  session.on('env', (accept, reject, { key, val }) => {
    if (!/^(LANG|LC_.*)$/.test(key)) return reject?.();
    env[key] = val;
    accept?.();
  });
  session.once('exec', (accept, _reject, { command }) => {
    const channel = accept();
    const child = spawn(shell, ['-c', command], { cwd: place.home, env, detached: true });
    child.stdin.on('error', () => {});
    child.stdin.on('close', () => channel.resume()); // what it doesn't read is lost
    channel.pipe(child.stdin);
    session.on('signal', (acceptSignal, rejectSignal, { name }) => {
      try {
        process.kill(-child.pid, `SIG${name}`);
        acceptSignal?.();
      } catch {
        rejectSignal?.();
      }
    });
    const exited = once(child, 'exit').then(([code, signal]) => channel.exit(signal ?? code));
    // Once all who have its output are gone, and the other side has taken it.
    Promise.all([exited, ...deliver(child, channel)]).then(
      () => channel.end(),
      () => channel.close(),
    );
    channel.on('error', () => {});
    channel.once('close', () => {
      for (const pipe of child.stdio) pipe.destroy();
    });
  });
}

/** What a command says, a chunk at a time: of two that wait for the other side's window, ssh2 loses one. */
function deliver(child, channel) {
  let turn = Promise.resolve();
  const write = (to, chunk) => {
    const written = (done) => () => {
      // It keeps what has waited, and would send it again when another has.
      channel._chunk = channel._chunkcb = channel._chunkErr = channel._chunkcbErr = undefined;
      done();
    };
    turn = turn.then(() => new Promise((done) => to.write(chunk, written(done))));
    return turn;
  };
  const all = async (from, to) => {
    for await (const chunk of from) await write(to, chunk);
  };
  return [all(child.stdout, channel), all(child.stderr, channel.stderr)];
}
