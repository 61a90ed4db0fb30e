// Golden: sizes that depend on values, in static Programs and captured functions, against Paddle 3.3.1: values, gradients, training.

import * as oar from "oarjs";
import { disableStatic, enableStatic, nn, static as static_, type Tensor } from "oarjs";
import { afterEach, describe, expect, test } from "vitest";
import { fixtureJson } from "./fixtures-node.js";

/** A number, or how Python writes one that JSON cannot. */
type Written = number | string;

interface Recorded {
  readonly shape: readonly number[];
  readonly y: readonly Written[];
  readonly dx?: readonly Written[];
}

const recorded = fixtureJson<{
  readonly xs: readonly number[][][];
  readonly w: number[][];
  readonly cases: Readonly<Record<string, readonly Recorded[]>>;
  readonly training: readonly {
    readonly label: readonly number[];
    readonly loss: number;
    readonly w: readonly number[];
    readonly b: readonly number[];
  }[];
}>("value-sizes/expected.json");

afterEach(disableStatic);

const positive = (x: Tensor): Tensor => x.greaterThan(0);
const whole = (x: Tensor): Tensor => oar.cast(oar.abs(x), "int64");
const one = (t: Tensor | Tensor[]): Tensor => (Array.isArray(t) ? t[1]! : t);

/** The functions of record.py. */
const functions: Readonly<Record<string, (x: Tensor, w: Tensor) => Tensor>> = {
  nonzero: (x) => oar.nonzero(positive(x)),
  where: (x) => oar.where(positive(x))[1]!,
  masked_select: (x) => oar.maskedSelect(x, positive(x)),
  masked_mean: (x) => oar.mean(oar.maskedSelect(x.multiply(x), positive(x))),
  masked_sum: (x) => oar.sum(oar.exp(oar.maskedSelect(x, positive(x)).multiply(0.25))),
  masked_difference: (x) => oar.maskedSelect(x, positive(x)).subtract(oar.maskedSelect(x.multiply(x), positive(x))),
  gather_nd: (x) => oar.gatherNd(x, oar.nonzero(positive(x))).multiply(2),
  index_elements: (x) => x.at(positive(x)),
  index_rows: (x, w) => oar.matmul(x.at(positive(x.sum(1))), w),
  softmax_of_rows: (x, w) => nn.functional.softmax(oar.matmul(x.at(positive(x.sum(1))), w)),
  joined: (x) => oar.concat([oar.maskedSelect(x, positive(x)), oar.maskedSelect(x, x.lessThan(0)).multiply(3)]),
  twice: (x) => {
    const y = oar.maskedSelect(x, positive(x));
    return oar.maskedSelect(y, y.greaterThan(2));
  },
  unique: (x) => one(oar.unique(x)),
  unique_inverse: (x) => one(oar.unique(x, { returnInverse: true })),
  unique_counts: (x) => one(oar.unique(x, { returnCounts: true })),
  unique_consecutive: (x) => one(oar.uniqueConsecutive(positive(x.flatten()).astype("int64"))),
  bincount: (x) => oar.bincount(whole(x).flatten()),
  repeat_interleave: (x) => oar.repeatInterleave(x, whole(x.sum(1)), 0),
  sequence_mask: (x) => nn.functional.sequenceMask(whole(x.sum(1))),
  masked_scatter: (x) => oar.maskedScatter(x, positive(x), x.flatten().multiply(10)),
};

function same(got: ArrayLike<number | bigint>, want: readonly Written[], what: string, tolerance: number): void {
  expect(got.length, what).toBe(want.length);
  want.forEach((written, i) => {
    const [g, v] = [Number(got[i]), Number(written)];
    if (Number.isNaN(v)) return expect(g, `${what}[${i}]`).toBeNaN();
    expect(Math.abs(g - v), `${what}[${i}]: ${g} and ${v}`).toBeLessThanOrEqual(tolerance * (1 + Math.abs(v)));
  });
}

describe.each(Object.entries(recorded.cases))("%s", (name, wanted) => {
  const f = functions[name]!;

  test("a static Program", async () => {
    enableStatic();
    const main = new static_.Program();
    const fetchList = static_.programGuard(main, new static_.Program(), () => {
      const x = static_.data("x", [-1, 3], "float64");
      x.stopGradient = false;
      const y = f(x, static_.data("w", [3, 2], "float64"));
      if (!wanted[0]!.dx) return [y];
      return [y, static_.gradients(oar.sum(y.multiply(y).multiply(0.5)), x)[0]!];
    });
    const exe = new static_.Executor();
    for (const [i, want] of wanted.entries()) {
      const got = await exe.run(main, { feed: { x: recorded.xs[i]!, w: recorded.w }, fetchList });
      expect(got[0]!.shape).toEqual(want.shape);
      same(got[0]!.data as Float64Array, want.y, "y", 1e-12);
      if (want.dx) same(got[1]!.data as Float64Array, want.dx, "dx", 1e-12);
    }
  });

  test("a captured function", async () => {
    const g = oar.jit.toStatic(f);
    for (const [i, want] of wanted.entries()) {
      const x = oar.toTensor(recorded.xs[i]!, { dtype: "float64", stopGradient: false });
      const y = g(x, oar.toTensor(recorded.w, { dtype: "float64" }));
      expect(y.shape).toEqual(want.shape);
      same(await y.data(), want.y, "y", 1e-12);
      if (!want.dx) continue;
      oar.sum(y.multiply(y).multiply(0.5)).backward();
      same(await x.grad!.data(), want.dx, "dx", 1e-12);
    }
  });
});

const start = () => ({
  weightAttr: { name: "w", initializer: new nn.initializer.Assign(recorded.w) },
  biasAttr: { name: "b", initializer: new nn.initializer.Constant(0.5) },
});

/** The loss of record.py: a regression on the labelled rows only. */
function lossOf(h: Tensor, label: Tensor): Tensor {
  const y = oar.sum(oar.tanh(h), { axis: 1, keepdim: true });
  const known = label.greaterEqual(0);
  const error = oar.maskedSelect(y, known).subtract(oar.maskedSelect(label, known));
  return oar.sum(error.multiply(error)).add(oar.sum(y.multiply(y)).multiply(0.1));
}

const batch = (label: readonly number[]) => ({
  x: recorded.xs[label.length === 4 ? 0 : 3]!.map((row) => row.map((v) => v / 4)),
  label: label.map((v) => [v]),
});

test("training on labelled rows, static", async () => {
  enableStatic();
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const loss = static_.programGuard(main, startup, () => {
    const h = static_.nn.fc(static_.data("x", [-1, 3]), 2, start());
    const out = lossOf(h, static_.data("label", [-1, 1]));
    new oar.optimizer.Adam({ learningRate: 0.05 }).minimize(out);
    return out;
  });
  const [exe, scope] = [new static_.Executor(), new static_.Scope()];
  await exe.run(startup, { scope });
  for (const step of recorded.training) {
    const got = await exe.run(main, { scope, feed: batch(step.label), fetchList: [loss] });
    same(got[0]!.data as Float32Array, [step.loss], "loss", 1e-6);
    for (const name of ["w", "b"] as const)
      same(scope.findVar(name)!.getTensor().numpy().data as Float32Array, step[name], name, 1e-6);
  }
});

test.each(["dynamic", "compiled", "toStatic"] as const)("training on labelled rows, %s", async (mode) => {
  const { weightAttr, biasAttr } = start();
  const net = oar.utils.uniqueName.guard(() => new nn.Linear(3, 2, { weightAttr, biasAttr }));
  const opt = new oar.optimizer.Adam({ learningRate: 0.05, parameters: net.parameters() });
  const forward = (x: Tensor, label: Tensor): Tensor => lossOf(net(x), label);
  const loss = mode === "toStatic" ? oar.jit.toStatic(forward) : forward;
  const whole = (x: Tensor, label: Tensor): Tensor => {
    const out = loss(x, label);
    out.backward();
    opt.step();
    opt.clearGrad();
    return out;
  };
  const step = mode === "compiled" ? oar.jit.compile(whole) : whole;
  for (const want of recorded.training) {
    const { x, label } = batch(want.label);
    same(await step(oar.toTensor(x), oar.toTensor(label)).data(), [want.loss], "loss", 1e-6);
    same(await net.weight.data(), want.w, "w", 1e-6);
    same(await net.bias!.data(), want.b, "b", 1e-6);
  }
});
