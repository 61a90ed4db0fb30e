// Disposing: memory goes at once when it is not shared, views keep it, and nothing is given back twice.

import { expect, test } from "vitest";
import { engine } from "../device/engine.js";
import { reshape } from "../ops/views.js";
import { toTensor } from "./to-tensor.js";

test("a view outlives the tensor it came from", () => {
  const x = toTensor([1, 2, 3, 4]);
  const view = reshape(x, [2, 2]);
  x.dispose();
  x.dispose();
  engine().memory.sweep(true);
  expect([...view.dataSync()]).toEqual([1, 2, 3, 4]);
  expect(() => x.dataSync()).toThrow(/disposed/);
});

test("unshared memory goes at once", () => {
  const x = toTensor(new Float32Array(100_000));
  const before = engine().heap.liveBytes;
  x.dispose();
  expect(before - engine().heap.liveBytes).toBeGreaterThanOrEqual(400_000);
  expect(() => x.add(1)).toThrow(/disposed/);
});
