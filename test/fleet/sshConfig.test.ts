import { homedir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { atHome, sshNames } from '../../lib/fleet/sshConfig.ts';
import { folder } from './support.ts';

t.test('names behind Host, without patterns; Include is followed', async (t) => {
  const path = folder(t, {
    config: `
# Host comment
Include config.d/*.conf more "with blank"
Host web1 web2 *.example.com !bad # behind
  HostName 10.0.0.1
host=db1
HOST "db2"
Match host web9
  User x
Host *
  Include nothing-here
`,
    'config.d/b.conf': 'Host b1\nInclude nested',
    'config.d/a.conf': 'Host a1 web1',
    'config.d/.hidden.conf': 'Host hidden',
    'config.d/c.txt': 'Host c1',
    nested: 'Host n1',
    more: 'Host m1',
    'with blank': 'Host w1',
  });
  t.same(sshNames(join(path, 'config')), ['a1', 'web1', 'b1', 'n1', 'm1', 'w1', 'web2', 'db1', 'db2']);
});

t.test('files that include one another', async (t) => {
  const path = folder(t, { config: 'Include config' });
  t.throws(() => sshNames(join(path, 'config')), { name: 'TypeError', message: /Include goes deeper than 16 files/ });
});

t.test('~ is the home', async (t) => {
  t.equal(atHome('~/.ssh/config'), join(homedir(), '.ssh/config'));
  t.equal(atHome('a~/b'), 'a~/b');
});
