// Reductions, products and running functions on a Program's variable whose batch is decided by the feed: equal to the dynamic run.

import { afterEach, describe, expect, test } from "vitest";
import {
  data,
  disableStatic,
  enableStatic,
  Executor,
  gradients,
  Program,
  programGuard,
  Scope,
} from "../static/index.js";
import {
  cumprod,
  cumsum,
  einsum,
  grad,
  linalg,
  logcumsumexp,
  logsumexp,
  max,
  mean,
  median,
  min,
  nansum,
  norm,
  prod,
  quantile,
  sort,
  std,
  sum,
  type Tensor,
  toTensor,
  topk,
  trace,
} from "./index.js";

const batch = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) => [1, 2, 3, 4].map((v) => Math.sin(v * (i + 1)) + 2));
const weight = [
  [1, 0.5],
  [-1, 2],
  [0.3, 0.1],
  [0.7, -0.4],
];

const calls: Record<string, (x: Tensor) => Tensor> = {
  sum: (x) => sum(x, 0),
  mean: (x) => mean(x),
  prod: (x) => prod(x, 0),
  max: (x) => max(x, { axis: 0, keepdim: true }),
  min: (x) => min(x),
  std: (x) => std(x, 0),
  logsumexp: (x) => logsumexp(x, 0),
  nansum: (x) => nansum(x, 0),
  norm: (x) => norm(x, { p: 3, axis: 0 }),
  cumsum: (x) => cumsum(x, 0),
  cumprod: (x) => cumprod(x, 0),
  logcumsumexp: (x) => logcumsumexp(x, 0),
  sort: (x) => sort(x, 0),
  topk: (x) => topk(x, 2)[0],
  median: (x) => median(x, 1) as Tensor,
  medianOfBatch: (x) => median(x, 0) as Tensor,
  quantileOfBatch: (x) => quantile(x, 0.3, 0),
  trace: (x) => trace(x),
  matmul: (x) => x.matmul(toTensor(weight)),
  gram: (x) => x.matmul(x, { transposeX: true }),
  vectorProduct: (x) => x.matmul(toTensor([1, 2, 3, 4])),
  einsum: (x) => einsum("bi,bi->b", x, x),
  cov: (x) => linalg.cov(x, { rowvar: false }),
};

afterEach(disableStatic);

describe.each(Object.entries(calls))("%s", (_, f) => {
  test("value and gradient for batches of 2 and 3", async () => {
    const dynamic = (n: number): [Float32Array, Float32Array] => {
      const x = toTensor(batch(n), { stopGradient: false });
      const y = f(x);
      const [dx] = grad(sum(y.multiply(y)), x);
      return [y.dataSync("float32"), dx!.dataSync("float32")];
    };
    const want = [2, 3].map(dynamic);
    enableStatic();
    const main = new Program();
    const built = programGuard(main, new Program(), () => {
      const x = data("x", [-1, 4]);
      x.stopGradient = false;
      const y = f(x);
      return [y, gradients(sum(y.multiply(y)), x)[0]!] as const;
    });
    for (const [i, n] of [2, 3].entries()) {
      const got = await new Executor().run(main, {
        scope: new Scope(),
        feed: { x: batch(n) },
        fetchList: [built[0], built[1]],
      });
      got.forEach((g, j) => {
        const w = want[i]![j]!;
        expect(g.data.length).toBe(w.length);
        (g.data as Float32Array).forEach((v, e) => {
          expect(Math.abs(v - w[e]!)).toBeLessThan(1e-4 * (1 + Math.abs(w[e]!)));
        });
      });
    }
  });
});
