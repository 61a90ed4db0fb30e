// Padding modes against the formulas of mirrored, repeated and circular indices; which axes a list of amounts means.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../../core/errors.js";
import { grad, ones, toTensor } from "../../tensor/index.js";
import { pad, type PadMode, zeropad2d } from "./padding.js";

const row = [3, 1, 4, 1, 5];

/** The element that stands at place i of a line padded by `before`. */
const source: Record<Exclude<PadMode, "constant">, (i: number, n: number) => number> = {
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
  replicate: (i, n) => Math.min(Math.max(i, 0), n - 1),
  circular: (i, n) => ((i % n) + n) % n,
};

describe("pad", () => {
  test.each(["reflect", "replicate", "circular"] as const)("%s of a line, with its gradient", async (mode) => {
    const [before, after] = [2, 4];
    const x = toTensor([[row]]);
    x.stopGradient = false;
    const y = pad(x, [before, after], { mode, dataFormat: "NCL" });
    const places = Array.from({ length: before + row.length + after }, (_, i) => source[mode](i - before, row.length));
    expect(await y.tolist()).toEqual([[places.map((p) => row[p])]]);
    const [g] = grad([y], [x]);
    expect(await g!.tolist()).toEqual([[row.map((_, p) => places.filter((q) => q === p).length)]]);
  });

  test("constant padding: all axes from the left, or the spatial ones from the last", async () => {
    expect(await pad(toTensor([[1, 2]]), [1, 0, 0, 2], { value: 9 }).tolist()).toEqual([
      [9, 9, 9, 9],
      [1, 2, 9, 9],
    ]);
    expect(pad(ones([2, 3, 4, 5]), [1, 2, 3, 4]).shape).toEqual([2, 3, 11, 8]);
    expect(pad(ones([2, 3, 4, 5]), [1, 2, 3, 4], { dataFormat: "NHWC" }).shape).toEqual([2, 10, 7, 5]);
    expect(pad(ones([2, 3]), [1, 0, 0, 2], { padFromLeftAxis: false }).shape).toEqual([4, 4]);
    expect(await pad(toTensor([[[1, 2, 3]]]), [-1, 1]).tolist()).toEqual([[[2, 3, 0]]]);
    expect(zeropad2d(ones([1, 1, 2, 2]), [1, 0, 0, 3]).shape).toEqual([1, 1, 5, 3]);
  });

  test("refuses what does not fit", () => {
    const x = ones([1, 1, 3]);
    expect(() => pad(x, [3, 0], { mode: "reflect", dataFormat: "NCL" })).toThrow(InvalidArgumentError);
    expect(() => pad(x, [4, 0], { mode: "circular", dataFormat: "NCL" })).toThrow(InvalidArgumentError);
    expect(() => pad(x, [1, 0, 0, 1], { mode: "reflect" })).toThrow(InvalidArgumentError);
    expect(() => pad(x, [-2, -2])).toThrow(InvalidArgumentError);
    expect(() => zeropad2d(x, [1, 1, 1, 1])).toThrow(InvalidArgumentError);
  });
});
