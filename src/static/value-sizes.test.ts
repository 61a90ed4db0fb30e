// Sizes that depend on values in Programs: the run is cut where a size is read, and equals the dynamic run for every size.

import { afterEach, describe, expect, test } from "vitest";
import * as oar from "../index.js";
import type { Tensor } from "../tensor/tensor.js";

const { static: st, nn } = oar;
const F = nn.functional;

afterEach(() => oar.disableStatic());

/** Rows of 3 whose signs, and so the masks of the calls below, differ from batch to batch. */
const batches: readonly number[][][] = [
  [
    [1, -2, 3],
    [-4, 5, -6],
    [0, 2, 1],
    [3, 3, -3],
  ],
  [
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
    [1, 1, 1],
  ],
  [
    [-1, -2, -3],
    [-1, -1, -1],
    [-4, 0, -2],
    [-5, -9, -7],
  ],
  [
    [1, -2, 3],
    [-4, 5, -6],
  ],
  [[2, -1, 2]],
];

const positive = (x: Tensor): Tensor => x.greaterThan(0);
const whole = (x: Tensor): Tensor => oar.cast(oar.abs(x), "int64");

/** Each call gives a tensor whose size depends on values of x. */
const calls: Record<string, (x: Tensor) => Tensor> = {
  nonzero: (x) => oar.nonzero(positive(x)),
  nonzeroTuple: (x) => oar.nonzero(positive(x), { asTuple: true })[1]!,
  where: (x) => oar.where(positive(x))[0]!,
  maskedSelect: (x) => oar.maskedSelect(x, positive(x)),
  maskedSelectBroadcast: (x) => oar.maskedSelect(x, positive(x.at("...", "0:1"))),
  maskOfElements: (x) => x.at(positive(x)),
  maskOfRows: (x) => x.at(positive(x.sum(1))),
  maskOfColumns: (x) => x.at("...", positive(x.sum(0))),
  gatherNd: (x) => oar.gatherNd(x, oar.nonzero(positive(x))),
  chain: (x) => {
    const chosen = oar.maskedSelect(x, positive(x));
    return oar.maskedSelect(chosen, chosen.greaterThan(2)).multiply(2);
  },
  twoOfOneMask: (x) => oar.maskedSelect(x, positive(x)).subtract(oar.maskedSelect(x.multiply(x), positive(x))),
  rowsThroughLinear: (x) =>
    x.at(positive(x.sum(1))).matmul(
      oar.toTensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    ),
  reshaped: (x) =>
    x
      .at(positive(x.sum(1)))
      .reshape([-1])
      .add(1),
  concatenated: (x) => oar.concat([oar.maskedSelect(x, positive(x)), x.flatten()]),
  uniqueOfChosen: (x) => oar.unique(oar.maskedSelect(x, positive(x))) as Tensor,
  sortedChosen: (x) => oar.sort(oar.maskedSelect(x, positive(x))).add(oar.cumsum(oar.maskedSelect(x, positive(x)))),
  nonzeroOfChosen: (x) => oar.nonzero(oar.maskedSelect(x, positive(x)).greaterThan(2)),
  bincountOfChosen: (x) => oar.bincount(oar.cast(oar.maskedSelect(x, positive(x)), "int64")),
  statisticsOfChosen: (x) => {
    const y = x.at(positive(x.sum(1)));
    return F.layerNorm(y, [3])
      .add(oar.mean(y, 0))
      .add(oar.std(y, 0, { unbiased: false }));
  },
  linearOfChosen: (x) => {
    const y = x.at(positive(x.sum(1)));
    return oar.matmul(y, y, { transposeX: true }).add(oar.stack([y.sum(0), y.sum(0), y.sum(0)]));
  },
  splitOfChosen: (x) => {
    const y = x.at(positive(x.sum(1)));
    return oar.concat([y, y.multiply(2), x], { axis: 0 }).at("1:");
  },
  unique: (x) => oar.unique(x) as Tensor,
  uniqueInverse: (x) => (oar.unique(x, { returnInverse: true }) as Tensor[])[1]!,
  uniqueCounts: (x) => (oar.unique(x, { returnCounts: true }) as Tensor[])[1]!,
  uniqueRows: (x) => oar.unique(x, { axis: 0 }) as Tensor,
  uniqueConsecutive: (x) => oar.uniqueConsecutive(x.flatten()) as Tensor,
  bincount: (x) => oar.bincount(whole(x).flatten()),
  bincountAtLeast: (x) => oar.bincount(whole(x).flatten(), { minlength: 20 }),
  bincountWeights: (x) => oar.bincount(whole(x).flatten(), { weights: x.flatten() }),
  repeatInterleave: (x) => oar.repeatInterleave(x, whole(x.sum(1)), 0),
  repeatInterleaveColumns: (x) => oar.repeatInterleave(x, oar.toTensor([2, 0, 1], { dtype: "int64" }), 1),
  sequenceMask: (x) => F.sequenceMask(whole(x.sum(1))),
  oneHot: (x) => F.oneHot(whole(x)),
  maskedScatter: (x) => oar.maskedScatter(x, positive(x), oar.arange(12).astype("float32").add(0.5)),
  fullOfVariable: (x) => oar.full([whole(x.sum()), 2], 3),
  onesOfShape: (x) => oar.ones(whole(x.sum(0))),
  segments: (x) => oar.geometric.segmentSum(x, oar.cast(oar.cumsum(oar.cast(positive(x.sum(1)), "int64")), "int64")),
};

const plain = (a: { readonly data: ArrayLike<number | bigint> }): number[] => Array.from(a.data, Number);

/** Targets may differ in what `fma` rounds. */
function same(
  got: { readonly data: ArrayLike<number | bigint> },
  want: { readonly data: ArrayLike<number | bigint> },
): void {
  const [g, w] = [plain(got), plain(want)];
  expect(g.length).toBe(w.length);
  w.forEach((v, i) => {
    if (Number.isNaN(v)) expect(g[i]).toBeNaN();
    else expect(Math.abs(g[i]! - v), `[${i}]: ${g[i]} and ${v}`).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(v)));
  });
}

describe.each(Object.entries(calls))("%s", (_, f) => {
  /** A weighted sum of squares, so that each element has a gradient of its own. */
  const loss = (y: Tensor): Tensor => {
    const flat = oar.cast(y, "float32").flatten();
    return flat
      .multiply(flat)
      .multiply(oar.cumsum(oar.onesLike(flat)))
      .sum();
  };

  async function dynamic(rows: number[][]): Promise<{ y: oar.NdArray; dx: oar.NdArray | undefined }> {
    const x = oar.toTensor(rows, { dtype: "float32", stopGradient: false });
    const y = f(x);
    const [dx] = y.stopGradient ? [] : oar.grad(loss(y), x);
    return { y: await y.numpy(), dx: await dx?.numpy() };
  }

  test("static equals dynamic", async () => {
    const want = await Promise.all(batches.map(dynamic));
    oar.enableStatic();
    const main = new st.Program();
    const fetchList = st.programGuard(main, new st.Program(), () => {
      const x = st.data("x", [-1, 3], "float32");
      x.stopGradient = false;
      const y = f(x);
      return y.stopGradient ? [y] : ([y, ...st.gradients(loss(y), x)] as Tensor[]);
    });
    const exe = new st.Executor();
    for (const i of [0, 1, 2, 3, 4, 2, 0]) {
      const [y, dx] = await exe.run(main, { feed: { x: batches[i]! }, fetchList });
      expect(y!.shape).toEqual(want[i]!.y.shape);
      same(y!, want[i]!.y);
      expect(dx === undefined).toBe(want[i]!.dx === undefined);
      if (dx) same(dx, want[i]!.dx!);
    }
    exe.close();
  });

  test("captured functions equal dynamic ones", async () => {
    for (const capture of [oar.jit.compile, oar.jit.toStatic] as const) {
      const g: (x: Tensor) => Tensor = capture === oar.jit.compile ? oar.jit.compile(f) : oar.jit.toStatic(f);
      for (const i of [0, 1, 2, 3, 0]) {
        const want = await dynamic(batches[i]!);
        const x = oar.toTensor(batches[i]!, { dtype: "float32", stopGradient: false });
        const y = await g(x).numpy();
        expect(y.shape).toEqual(want.y.shape);
        same(y, want.y);
        if (capture !== oar.jit.toStatic || !want.dx) continue;
        const [dx] = oar.grad(loss(g(x)), x);
        same(await dx!.numpy(), want.dx);
      }
    }
  });
});
