import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Command } from '../../lib/kernel/spawner.ts';
import { failure, fileFailure, passes } from '../../lib/spawn/failure.ts';
import { fixture, run, unprivileged } from './support.ts';

const command = (name: string, more: Partial<Command> = {}): Command => ({
  argv: [name, 'the secret argument'],
  cwd: '/',
  env: undefined,
  stdin: 'ignore',
  stdout: 'pipe',
  stderr: 'pipe',
  session: true,
  ...more,
});
const told = (code: string, of: Command): string => {
  const exit = failure(Object.assign(new Error('as the system says'), { code }), of);
  return exit.type === 'error' ? `${exit.code}: ${exit.error.message}` : exit.type;
};

t.test('what the system says, told apart', async (t) => {
  const script = fixture('missing-interpreter');
  t.equal(told('ENOENT', command('no-such-program')), 'ENOENT: there is no program no-such-program in PATH');
  t.equal(told('ENOENT', command('./no-such')), 'ENOENT: /no-such does not exist');
  t.match(told('ENOENT', command(script)), /needs \/no\/such\/interpreter, which does not exist/);
  t.match(told('ENOEXEC', command(script)), /^ENOEXEC: .* nor a script that begins with #!/);
  t.equal(told('ENOENT', command('true', { cwd: '/no/such' })), 'CWD: the folder /no/such does not exist');
  t.match(told('ENOTDIR', command('/etc/passwd/x')), /a part of the path is no folder/);
  t.equal(told('EACCES', command('/usr')), 'EACCES: /usr is a folder, no program');
  t.match(told('EINVAL', command('a\0b')), /^EINVAL: .*NUL/);
  t.match(told('ENOSYS', command('true')), /Windows/);
  t.equal(told('ESTRANGE', command('true')), 'ESTRANGE: as the system says');
  t.equal(failure(new Error('without a code') as never, command('true')).type, 'error');
});

t.test('nothing of it tells the arguments', async (t) => {
  for (const code of ['ENOENT', 'EACCES', 'ENOEXEC', 'E2BIG', 'ENOTDIR', 'EINVAL', 'ESTRANGE'])
    t.notMatch(told(code, command('no-such-program')), /secret/, code);
});

t.test('a folder that may not be entered', async (t) => {
  const locked = join(t.testdir({ locked: { program: '' } }), 'locked');
  chmodSync(locked, 0o600);
  const of = async (argv: string[], more: object): Promise<string> => {
    const code = `
      const exit = await run(${JSON.stringify(argv)}, ${JSON.stringify(more)}).exit;
      process.stdout.write(exit.code + ': ' + exit.error.message);`;
    return run(unprivileged(code)).closed;
  };
  try {
    t.equal(await of(['true'], { cwd: locked }), `CWD: the folder ${locked} can't be entered (EACCES)`);
    t.equal(await of([join(locked, 'program')], {}), `EACCES: a folder above ${locked}/program can't be entered`);
    // The system says EACCES of it, as of a program that is there and may not be run.
    t.equal(
      await of(['no-such-program'], { env: { PATH: `${locked}:/usr/bin` } }),
      'ENOENT: there is no program no-such-program in PATH',
    );
  } finally {
    chmodSync(locked, 0o700); // or it could not be taken away
  }
});

t.test('which pass, and are waited out', async (t) => {
  for (const code of ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']) t.ok(passes({ code } as never), code);
  for (const code of ['ENOENT', 'EACCES', undefined]) t.notOk(passes({ code } as never), String(code));
});

t.test('a file of its own', async (t) => {
  const error = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
  t.match(fileFailure(error, '/no/such'), {
    type: 'error',
    code: 'ENOENT',
    file: '/no/such',
    error: { code: 'ENOENT' },
  });
});
