// What a content is told by where a host has no sha256sum: POSIX's cksum.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** As `cksum` writes it: a CRC of the content and its length, and the length. */
export function cksum(content: Uint8Array): string {
  let crc = 0;
  const add = (byte: number): void => void (crc = (crc << 8) ^ TABLE[(crc >>> 24) ^ byte]!);
  content.forEach(add);
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) add(rest % 256);
  return `${~crc >>> 0} ${content.length}`;
}
