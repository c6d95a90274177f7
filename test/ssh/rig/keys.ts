// Keys of hosts and users, made in this process: 50 runs of ssh-keygen take half a second.
import { generateKeyPairSync, randomBytes } from 'node:crypto';

export interface SshKey {
  /** What an IdentityFile or a HostKey holds. */
  readonly private: string;
  /** `ssh-ed25519 AAAA…`, as in known_hosts and authorized_keys. */
  readonly public: string;
}

/** A new ed25519 key in OpenSSH's own format, without a passphrase. */
export function newKey(comment = 'rig'): SshKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  const pub = Buffer.from(x!, 'base64url');
  const blob = Buffer.concat([field('ssh-ed25519'), field(pub)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([Buffer.from(d!, 'base64url'), pub]);
  const list = Buffer.concat([check, check, blob, field(secret), field(comment)]);
  // Filled up with 1, 2, 3 … to the block size of a cipher that there is none of.
  const fill = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (list.length % 8)) % 8));
  const body = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(blob),
    field(Buffer.concat([list, fill])),
  ]);
  const text = body.toString('base64').replace(/.{70}/g, '$&\n').trimEnd();
  return {
    private: `-----BEGIN OPENSSH PRIVATE KEY-----\n${text}\n-----END OPENSSH PRIVATE KEY-----\n`,
    public: `ssh-ed25519 ${blob.toString('base64')}`,
  };
}

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
