// Results do not depend on the number of threads: blocks are the unit of work, and their order of combination is fixed.

import { expect, test } from "vitest";
import { Engine, withEngine } from "../device/engine.js";
import { Heap } from "../device/heap.js";
import { createNativeTarget } from "../device/native-node.js";
import { platform } from "../device/platform-node.js";
import type { Target } from "../device/target.js";
import { nodeThreads } from "../device/threads-node.js";
import { createWasmTarget } from "../device/wasm-target.js";
import { assemble } from "../tensor/assemble.js";
import { fromArray, toArray } from "../trace/eager.js";
import { walk } from "../trace/tape.js";
import { add, multiply } from "./arithmetic.js";
import { sum } from "./broadcast.js";
import { embedding } from "./embedding.js";
import { exp } from "./exponential.js";
import { matmul } from "./matmul.js";
import { softmax } from "./softmax.js";

assemble();

const wave = (shape: readonly number[], f: number) =>
  fromArray({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * f) / 3),
  });

/** Forward and backward of work that is cut into many blocks; the bits of everything that comes out. */
function bits(): Uint8Array[] {
  const [x, w, table] = [wave([260, 300], 0.37), wave([300, 270], 0.11), wave([500, 64], 0.71)];
  for (const v of [x, w, table]) v.stopGradient = false;
  const ids = fromArray({
    dtype: "int32",
    shape: [4000],
    data: Int32Array.from({ length: 4000 }, (_, i) => (i * 37) % 500),
  });
  const y = softmax(exp(matmul(x, w)), -1);
  const z = add(sum(multiply(y, y)), sum(multiply(embedding(ids, table), embedding(ids, table))));
  const grads = walk([z], [undefined], { retainGraph: false, createGraph: false });
  return [y, z, ...[x, w, table].map((v) => grads.get(v)!)].map(
    (v) => new Uint8Array((toArray(v).data as Float32Array).buffer),
  );
}

const targets: Record<string, (heap: Heap, threads: number) => Target> = {
  wasm: (heap, threads) => createWasmTarget(heap, { threads: nodeThreads(threads) }),
  native: (heap, threads) => createNativeTarget(heap, { threads }).target!,
};

test.each(Object.keys(targets))(
  "%s: 1, 2 and 4 threads give the same bits",
  async (name) => {
    const results: Uint8Array[][] = [];
    for (const threads of [1, 2, 4]) {
      const engine = new Engine(platform, new Heap(), (heap) => targets[name]!(heap, threads));
      withEngine(engine, bits);
      // Workers start in the background: the second run has them.
      await new Promise((done) => setTimeout(done, 300));
      results.push(withEngine(engine, bits));
      engine.target.close();
    }
    for (const other of results.slice(1)) {
      expect(other.map((b, i) => Buffer.compare(b, results[0]![i]!))).toEqual(other.map(() => 0));
    }
  },
  120_000,
);
