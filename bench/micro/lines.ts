// The line splitter alone: chunks in memory to lines, against split2 and the classic StringDecoder + indexOf.
//   node --import ./dist/lib/cli/load/register.js bench/micro/lines.ts
import { StringDecoder } from 'node:string_decoder';
import split2 from 'split2';
import { LineSplitter } from '../../lib/runners/lines.ts';

const CHUNK = 64 * 1024;
const MIB = 1024 * 1024;

type Subject = (chunks: readonly Buffer[]) => number | Promise<number>;

const subjects: Record<string, Subject> = {
  LineSplitter(chunks) {
    const splitter = new LineSplitter({ maxLine: 64 * MIB });
    let lines = 0;
    for (const chunk of chunks)
      splitter.push(chunk, (given) => (lines += (typeof given === 'function' ? given() : given).length));
    return lines + splitter.end().length;
  },
  'StringDecoder + indexOf'(chunks) {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    let lines = 0;
    for (const chunk of chunks) {
      const text = rest + decoder.write(chunk);
      const found: string[] = [];
      let start = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
        found.push(text.slice(start, text.charCodeAt(end - 1) === 13 ? end - 1 : end));
        start = end + 1;
      }
      rest = text.slice(start);
      lines += found.length;
    }
    return lines + (rest === '' ? 0 : 1);
  },
  async split2(chunks) {
    const stream = split2();
    let lines = 0;
    stream.on('data', () => lines++);
    for (const chunk of chunks) {
      if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
    }
    stream.end();
    await new Promise((resolve) => stream.once('end', resolve));
    return lines;
  },
};

/** `size` bytes of `line` over and over, in chunks as a pipe gives them. */
function chunksOf(line: string, size: number): Buffer[] {
  const bytes = Buffer.alloc(size, line);
  const chunks: Buffer[] = [];
  for (let at = 0; at < size; at += CHUNK) chunks.push(bytes.subarray(at, at + CHUNK));
  return chunks;
}

async function seconds(subject: Subject, chunks: readonly Buffer[], rounds: number): Promise<[number, number]> {
  const times: number[] = [];
  let lines = 0;
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    lines = await subject(chunks);
    times.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  return [times.sort((a, b) => a - b)[rounds >> 1]!, lines];
}

const inputs: Record<string, string> = {
  '7 bytes': '123456\n',
  '8 bytes, CRLF': '123456\r\n',
  '40 bytes': `${'a'.repeat(39)}\n`,
  '200 bytes': `${'b'.repeat(199)}\n`,
  '18 bytes, Cyrillic': 'жизнь моя\n',
};
for (const [input, line] of Object.entries(inputs)) {
  const chunks = chunksOf(line, 64 * MIB);
  console.log(`lines of ${input}`);
  for (const [name, subject] of Object.entries(subjects)) {
    const [median, lines] = await seconds(subject, chunks, 5);
    console.log(`  ${name.padEnd(24)} ${(lines / median / 1e6).toFixed(1).padStart(6)} M lines/s`);
  }
}
for (const size of [10, 20]) {
  const chunks = chunksOf('x', size * MIB);
  console.log(`one line of ${size} MiB`);
  for (const [name, subject] of Object.entries(subjects)) {
    const [median] = await seconds(subject, chunks, 3);
    console.log(`  ${name.padEnd(24)} ${(median * 1000).toFixed(1).padStart(6)} ms`);
  }
}
