// Serial, then parallel, then serial again, on the source files of this repository:
//   in series    a work folder is made and the list of files is written into it,
//   in parallel  (two programs for each core at once) each file is counted, hashed and compressed; one of them fails
//                on purpose and its generator handles that: done? go on; failed? try again, then report,
//   in series    the results are joined into one report, and verified against the files.
//
//   sluice run samples/serial-then-parallel.ts [-- FOLDER]
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { all, file, isRunError, note, pipe, program, sh, shield, sleep, within, type Runner } from 'sluice';

const repository = join(dirname(fileURLToPath(import.meta.url)), '..');

type Counted = { path: string; lines: number; hash: string; packed: number };

/** The source files below some folders, relative to the repository. */
function sources(root: string, folders: readonly string[]): string[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((path) => /\.(ts|mjs|md|json)$/.test(path) && statSync(join(root, path)).isFile())
    .sort();
}

/** Counts, hashes and compresses one file: its steps at once. */
function* measure(path: string, work: string) {
  const packed = join(work, `${path.replaceAll('/', '+')}.gz`);
  const { count, hash } = yield* all({
    count: program(['wc', '-l', path], { label: `wc ${path}` }),
    hash: program(['sha256sum', path], { label: `sha256sum ${path}` }),
    pack: program(['gzip', '-9', '-n', '-c', path], { label: `gzip ${path}`, stdout: file(packed) }),
  });
  return {
    path,
    lines: Number.parseInt(count.stdout, 10),
    hash: hash.stdout.slice(0, 64),
    packed: statSync(packed).size,
  } satisfies Counted;
}

/** Fails the first time, succeeds the second: the mark that it waits for is made in between. */
function* flaky(work: string) {
  const step = (attempt: number): Runner<{ stdout: string }> =>
    sh({
      label: `flaky, try ${attempt}`,
    })`echo "try ${attempt}"; test -e ${join(work, 'mark')} || { echo "no mark yet" >&2; exit 3; }`;
  for (let attempt = 1; ; attempt++) {
    try {
      yield* step(attempt);
      return `flaky: done at try ${attempt}`;
    } catch (error) {
      if (!isRunError(error, 'exit') || attempt === 3) throw error;
      yield* note(`flaky failed as it should (${error.reason.type}), so once more`);
      yield* program(['touch', join(work, 'mark')], { label: 'mend flaky' });
      yield* sleep('50ms');
    }
  }
}

export default function* main(...args: string[]) {
  const root = args[0] ?? repository;
  const work = mkdtempSync(join(tmpdir(), 'sluice-sample-'));
  try {
    // In series: the inputs.
    yield* program(['mkdir', '-p', join(work, 'out')]);
    const paths = sources(root, args[0] === undefined ? ['lib', 'bin', 'test', 'samples', 'bench', 'docs'] : ['.']);
    yield* program('cat', {
      stdin: paths.map((path) => `${path}\n`),
      stdout: file(join(work, 'inputs')),
      label: 'write the inputs',
    });

    // In parallel: every file, and the one that fails.
    const { files, report } = yield* within(
      { cwd: root, slots: 2 * availableParallelism() },
      all({ files: all(paths.map((path) => measure(path, join(work, 'out')))), report: flaky(work) }),
    );

    // In series again: join and verify.
    yield* program('cat', {
      stdin: files.map(({ hash, path }) => `${hash}  ${path}\n`),
      stdout: file(join(work, 'sums')),
      label: 'join the sums',
    });
    yield* program(['sha256sum', '--check', '--strict', '--quiet', join(work, 'sums')], {
      cwd: root,
      label: 'verify the sums',
    });
    const unpacked = yield* pipe(
      sh({ cwd: join(work, 'out') })`cat ./*.gz`,
      program('gzip -dc'),
      program('wc -l', { label: 'verify the packed' }),
    );
    const lines = files.reduce((sum, file) => sum + file.lines, 0);
    if (Number(unpacked.stdout) !== lines) throw new Error(`unpacked ${unpacked.stdout} lines, but counted ${lines}`);
    const listed = readFileSync(join(work, 'inputs'), 'utf8').trim().split('\n').length;
    const packed = files.reduce((sum, file) => sum + file.packed, 0);
    yield* program(
      [
        'printf',
        '%s\n',
        report,
        `${files.length} of ${listed} files, ${lines} lines, ${packed} bytes packed; all sums verified`,
      ],
      { label: relative('.', fileURLToPath(import.meta.url)) || 'main' },
    );
    return { files: files.length, lines, packed };
  } finally {
    yield* shield(program(['rm', '-rf', work]));
    rmSync(work, { recursive: true, force: true });
  }
}
