// Bun.spawn or Deno.Command: prints programs a second.
//   bun bench/runtime_loop.mjs 1000 8         deno run --allow-run bench/runtime_loop.mjs 1000 8
const { Bun, Deno } = globalThis;
const [programs, width] = (Deno?.args ?? process.argv.slice(2)).map(Number);

const bun = async () => {
  const child = Bun.spawn(['true'], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  await Promise.all([new Response(child.stdout).arrayBuffer(), new Response(child.stderr).arrayBuffer()]);
  return child.exited;
};
const deno = async () => {
  const { code } = await new Deno.Command('true', { stdin: 'null', stdout: 'piped', stderr: 'piped' }).output();
  return code;
};
const one = Bun === undefined ? deno : bun;

async function all(count) {
  let next = 0;
  const lane = async () => {
    while (next++ < count) if ((await one()) !== 0) throw new Error('a program failed');
  };
  await Promise.all(Array.from({ length: width }, lane));
}

await all(width);
const began = performance.now();
await all(programs);
console.log((programs * 1000) / (performance.now() - began));
