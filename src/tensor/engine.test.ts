// The thinnest path: four ops on every target, eagerly and on the tape, against formulas.

import { describe, expect, test } from "vitest";
import { ndArray } from "../core/nd-array.js";
import { Engine, withEngine } from "../device/engine.js";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createNativeTarget } from "../device/native-node.js";
import { platform } from "../device/platform-node.js";
import type { Target } from "../device/target.js";
import { createWasmTarget } from "../device/wasm-target.js";
import { add, multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { exp } from "../ops/exponential.js";
import { fromArray, toArray } from "../trace/eager.js";
import { walk } from "../trace/tape.js";
import { assemble } from "./assemble.js";

assemble();

const targets: Record<string, (heap: Heap) => Target> = {
  interp: interpTarget,
  wasm: (heap) => createWasmTarget(heap),
  native: (heap) => {
    const { target, reason } = createNativeTarget(heap);
    if (!target) throw new Error(reason.message);
    return target;
  },
};

const tensor = (shape: number[], f: (i: number) => number) =>
  fromArray(
    ndArray(
      "float32",
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(i)),
    ),
  );

describe.each(Object.keys(targets))("%s", (name) => {
  const engine = new Engine(platform, new Heap(), targets[name]);

  test("exp of a broadcast sum, reduced, with gradients", () => {
    withEngine(engine, () => {
      const x = tensor([3, 40], (i) => Math.sin(i));
      const b = tensor([40], (i) => Math.cos(i));
      x.stopGradient = b.stopGradient = false;
      const y = exp(add(x, b));
      const z = sum(multiply(y, 2), 1);
      expect(z.shape).toEqual([3]);
      const want = [0, 1, 2].map((r) => {
        let s = 0;
        for (let c = 0; c < 40; c++) s += 2 * Math.exp(Math.fround(Math.sin(r * 40 + c)) + Math.fround(Math.cos(c)));
        return s;
      });
      [...(toArray(z).data as Float32Array)].forEach((v, i) =>
        expect(Math.abs(v - want[i]!) / want[i]!).toBeLessThan(1e-6),
      );
      const grads = walk([z], [undefined], { retainGraph: false, createGraph: false });
      const db = toArray(grads.get(b)!);
      expect(db.shape).toEqual([40]);
      for (let c = 0; c < 40; c++) {
        let s = 0;
        for (let r = 0; r < 3; r++) s += 2 * Math.exp(Math.sin(r * 40 + c) + Math.cos(c));
        expect(Math.abs((db.data[c] as number) - s) / s).toBeLessThan(1e-5);
      }
    });
  });

  test("a large sum in chunks, and equal kernels compile once", () => {
    withEngine(engine, () => {
      const x = tensor([300, 100], (i) => i % 7);
      expect(toArray(sum(x)).data[0] as number).toBe(
        Array.from({ length: 30000 }, (_, i) => i % 7).reduce((a, b) => a + b),
      );
      const before = engine.compiledKernels;
      for (let n = 2; n < 50; n++)
        sum(
          exp(
            add(
              tensor([n, 2 * n], () => 1),
              0.5,
            ),
          ),
          1,
        );
      expect(engine.compiledKernels - before).toBeLessThanOrEqual(3);
    });
  });
});
