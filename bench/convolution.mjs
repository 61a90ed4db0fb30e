// Measures convolutions and their gradients: node bench/convolution.mjs [native|wasm] [threads] [CHANNELSxSIZExBATCH[xOUTxTAPS][sSTRIDE][d] …], d: direct; GFLOP/s of the definition.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [name = "native", threads = "1", ...wanted] = process.argv.slice(2);
mkdirSync(join(root, ".cache"), { recursive: true });
const folder = mkdtempSync(join(root, ".cache", "bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const outfile = join(folder, "convolution.mjs");
const sources = {
  Engine: "device/engine.ts",
  Heap: "device/heap.ts",
  createNativeTarget: "device/native-node.ts",
  createWasmTarget: "device/wasm-target.ts",
  nodeThreads: "device/threads-node.ts",
  Executable: "program/executable.ts",
  GraphBuilder: "trace/lower.ts",
  runHostNode: "trace/eager.ts",
  assemble: "tensor/assemble.ts",
  "conv2dOp, conv2dTransposeOp, conv2dFilterGradOp": "ops/convolution.ts",
  platform: "device/platform-node.ts",
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
  alias: { "#platform": join(root, "src/device/platform-node.ts") },
  packages: "external",
  logLevel: "error",
});
const oar = await import(pathToFileURL(outfile).href);
oar.assemble();

const engine = new oar.Engine(oar.platform, new oar.Heap(), (/** @type {unknown} */ heap) => {
  if (name === "wasm") return oar.createWasmTarget(heap, { threads: oar.nodeThreads(Number(threads)) });
  const { target, reason } = oar.createNativeTarget(heap, { threads: Number(threads) });
  if (!target) throw new Error(reason.message);
  return target;
});

/**
 * Seconds of one run of an op as a compiled Program, best of several.
 * @param {unknown} op
 * @param {(readonly number[] | undefined)[]} shapes of the inputs, undefined for one left out
 * @param {Record<string, unknown>} attrs
 */
function measure(op, shapes, attrs) {
  const builder = new oar.GraphBuilder();
  const inputs = shapes.map((shape) => shape && builder.input({ dtype: "float32", shape }));
  const outputs = builder.add(op, inputs, attrs);
  const given = inputs.filter((v) => v !== undefined);
  const executable = new oar.Executable(
    engine,
    builder.graph(outputs),
    builder.values,
    new Set([...given, ...outputs]),
    oar.runHostNode,
    engine.primary,
    { fuse: true },
  );
  for (const v of [...given, ...outputs]) {
    const count = v.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    const address = engine.heap.alloc(Math.max(64, count * 4));
    const view = new Float32Array(engine.heap.memory.buffer, address, count);
    for (let i = 0; i < count; i++) view[i] = ((i * 7919) % 1000) / 1000 - 0.5;
    executable.bind(v.id, address);
  }
  executable.run();
  let best = Infinity;
  const begin = performance.now();
  for (let i = 0; i < 8 || (i < 400 && performance.now() - begin < 1500); i++) {
    const start = performance.now();
    executable.run();
    best = Math.min(best, performance.now() - start);
  }
  executable.dispose();
  return best / 1000;
}

const shapes = wanted.length > 0 ? wanted : ["64x32x32", "128x16x32", "256x8x32", "512x4x32"];
for (const text of shapes) {
  const direct = text.endsWith("d");
  const [size = "", stride = "1"] = text.replace("d", "").split("s");
  const [channels = 64, extent = 32, batch = 32, out = channels, taps = 3] = size.split("x").map(Number);
  const s = Number(stride);
  const pad = (taps - 1) / 2;
  const x = [batch, channels, extent, extent];
  const w = [out, channels, taps, taps];
  const result = Math.floor((extent + 2 * pad - taps) / s) + 1;
  const d = [batch, out, result, result];
  const few = (/** @type {number} */ rows) => (rows <= 16 ? rows : 0);
  const winograd = !direct && taps === 3 && s === 1 && Math.min(channels, out) >= 16;
  const attrs = { strides: [s, s], paddings: [pad, pad, pad, pad], dilations: [1, 1], groups: 1, winograd };
  const flop = 2 * batch * out * result * result * channels * taps * taps;
  const rate = (
    /** @type {unknown} */ op,
    /** @type {(readonly number[] | undefined)[]} */ list,
    /** @type {Record<string, unknown>} */ more,
  ) => (flop / measure(op, list, { ...attrs, ...more }) / 1e9).toFixed(1).padStart(7);
  const forward = rate(oar.conv2dOp, [x, w, undefined, undefined], { few: few(out) });
  const input = rate(oar.conv2dTransposeOp, [d, w, undefined, x], { few: few(channels), more: [] });
  const filter = rate(oar.conv2dFilterGradOp, [x, d, w], { few: few(out) });
  console.log(`${text.padEnd(16)} forward ${forward}  input ${input}  weights ${filter}`);
}
process.exit(0);
