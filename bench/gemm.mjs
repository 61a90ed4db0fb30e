// Measures matrix multiplication on one target: node bench/gemm.mjs [native|wasm] [threads] [MxNxK[ta][tb][g] ...]; GFLOP/s, best of several.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [name = "native", threads = "1", ...wanted] = process.argv.slice(2);
mkdirSync(join(root, ".cache"), { recursive: true });
const folder = mkdtempSync(join(root, ".cache", "bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const outfile = join(folder, "gemm.mjs");
const sources = {
  Heap: "device/heap.ts",
  createNativeTarget: "device/native-node.ts",
  createWasmTarget: "device/wasm-target.ts",
  compileGemm: "ops/gemm.test-util.ts",
};
await build({
  stdin: {
    contents: Object.entries(sources)
      .map(([names, file]) => `export { ${names} } from ${JSON.stringify(join(root, "src", file))};`)
      .join("\n"),
    resolveDir: root,
  },
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  logLevel: "error",
});
const { Heap, createNativeTarget, createWasmTarget, compileGemm } = await import(pathToFileURL(outfile).href);

const heap = new Heap();
const made =
  name === "wasm" ? { target: createWasmTarget(heap) } : createNativeTarget(heap, { threads: Number(threads) });
if (!made.target) throw new Error(made.reason.message);
const { target } = made;
const tile = process.env.TILE?.split("x").map(Number);
const facts = tile ? { name, gemm: { rows: tile[0], lanes: tile[1], vectors: tile[2] } } : undefined;

// Short chunks, so that some of them fall between other processes' turns on a busy machine.
const CHUNK = 2e8;
const CHUNKS = 60;

/** Name, batches, m, n, k, and what is transposed. */
const shapes = [
  "512x512x512",
  "1024x1024x1024",
  "512x512x512tb",
  "512x512x512ta",
  "128x256x784",
  "128x128x256",
  "784x256x128ta",
  "128x256x128tb",
  "128x10x128",
  "256x128x128ta",
  "128x10x128ta",
  "1000x1000x1000",
  "100x100x100",
  "64x64x64",
  "32x32x32",
  "16x16x16",
  "4x4x4",
  "4x4x4g",
  "1x1024x1024",
  "1x1024x1024tb",
  "1024x1x1024",
  "4x1024x1024",
  "8x1024x1024",
  "b64:64x64x32tb",
  "b64:64x32x64",
  "512x512x512g",
  "128x256x784g",
];

for (const text of wanted.length > 0 ? wanted : shapes) {
  const [, batches = "1", m, n, k, ta, tb, generic] = /^(?:b(\d+):)?(\d+)x(\d+)x(\d+)(ta)?(tb)?(g)?$/.exec(text) ?? [];
  const problem = {
    type: process.env.TYPE ?? "f32",
    batches: Number(batches),
    m: Number(m),
    n: Number(n),
    k: Number(k),
    transposeA: ta !== undefined,
    transposeB: tb !== undefined,
    generic: generic !== undefined,
    opaque: process.env.OPAQUE !== undefined,
  };
  const began = performance.now();
  const run = compileGemm(problem, heap, target, facts);
  const compiling = performance.now() - began;
  for (const x of [run.a, run.b]) for (let i = 0; i < x.length; i++) x[i] = Math.sin(i);
  const flops = 2 * problem.batches * problem.m * problem.n * problem.k;
  const times = Math.max(1, Math.min(20_000, Math.round(CHUNK / flops)));
  run.repeat(times, Number(threads));
  let best = Infinity;
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const start = performance.now();
    run.repeat(times, Number(threads));
    best = Math.min(best, (performance.now() - start) / times);
  }
  const rate = (flops / best / 1e6).toFixed(1).padStart(7);
  const cost = best < 0.01 ? `${(best * 1e6).toFixed(0)} ns` : `${best.toFixed(3)} ms`;
  console.log(
    `${text.padEnd(20)} ${rate} GFLOP/s  ${cost.padStart(10)}  ${run.blocks} blocks, compiled in ${compiling.toFixed(0)} ms`,
  );
}
target.close();
process.exit(0);
