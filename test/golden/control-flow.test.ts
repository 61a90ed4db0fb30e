// Golden: branches and loops of static Programs against Paddle 3.3.1: results, gradients, and weights trained through both.

import {
  disableStatic,
  enableStatic,
  exp,
  full,
  matmul,
  mean,
  multiply,
  optimizer,
  nn,
  ParamAttr,
  sin,
  static as static_,
  sum,
  type Tensor,
  tanh,
} from "oarjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fixtureJson } from "./fixtures-node.js";

interface Recorded {
  readonly a: number;
  readonly n: number;
  readonly loss: number;
  /** A gradient is null where none flows. */
  readonly gradients: Readonly<Record<"x" | "w" | "a", readonly number[] | null>>;
  /** Whether they are central differences of Paddle's losses, where its own gradients are wrong or fail. */
  readonly differences: boolean;
}

const recorded = fixtureJson<{
  readonly x: number[][];
  readonly w: number[][];
  readonly cases: Readonly<Record<string, readonly Recorded[]>>;
  readonly training: readonly {
    readonly n: number;
    readonly loss: number;
    readonly w: number[];
    readonly b: number[];
  }[];
}>("control-flow/expected.json");

const { case: caseOf, cond, switchCase, whileLoop } = static_.nn;

beforeEach(enableStatic);
afterEach(disableStatic);

const zero = (): Tensor => full([1], 0, { dtype: "int64" });

type Function = (x: Tensor, w: Tensor, a: Tensor, n: Tensor) => Tensor;

/** The functions of record.py. */
const functions: Readonly<Record<string, Function>> = {
  cond_shared(x, _w, a) {
    const h = tanh(x.multiply(3));
    const [p, q] = cond(
      a.greaterThan(0),
      (): [Tensor, Tensor] => [h.multiply(a).add(sin(x)), x.multiply(1)],
      () => [h.multiply(h), a.multiply(a).multiply(x)],
    );
    return sum(p.multiply(q).add(h));
  },
  cond_nested(x, w, a, n) {
    const yes = (): Tensor => {
      const t = sin(x).multiply(a);
      return cond(
        n.greaterThan(1),
        () => t.multiply(exp(x)),
        () => t.multiply(t),
      );
    };
    return sum(cond(a.greaterThan(0), yes, () => matmul(x, w).multiply(a)));
  },
  case: (x, w, a, n) =>
    sum(
      caseOf([
        [n.lessThan(1), () => x.multiply(x)],
        [n.lessThan(2), () => exp(x).multiply(a)],
        [n.lessThan(3), () => matmul(x, w)],
      ]),
    ),
  case_default: (x, _w, a, n) => sum(caseOf([[n.lessThan(1), () => x.multiply(x)]], () => x.multiply(a))),
  switch_case: (x, w, a, n) =>
    sum(switchCase(n, { 1: () => x.multiply(a), 3: () => matmul(x, w), 2: () => x.multiply(x).multiply(x) })),
  switch_default: (x, w, a, n) => sum(switchCase(n, [() => x.multiply(a), () => x.multiply(x)], () => matmul(x, w))),
  while_recurrent(x, w, a, n) {
    const [, h, c] = whileLoop(
      (i) => i.lessThan(n),
      (i, h, c) => {
        const t = tanh(matmul(h, w).add(x));
        return [i.add(1), t, c.add(t.multiply(h)).multiply(a)];
      },
      [zero(), x.multiply(2), x.multiply(0)],
    );
    return sum(h.multiply(c).add(h));
  },
  while_simple(x, w, a, n) {
    const body = (i: Tensor, h: Tensor): [Tensor, Tensor] => [i.add(1), tanh(matmul(h, w)).multiply(a).add(x)];
    return sum(whileLoop((i) => i.lessThan(n), body, [zero(), x.multiply(1)])[1]);
  },
  while_cond(x, _w, a, n) {
    const [, h] = whileLoop(
      (i) => i.lessThan(n),
      (i, h) => {
        const t = h.multiply(a);
        const even = i.mod(2).equal(0);
        return [
          i.add(1),
          cond(
            even,
            () => sin(t).add(x),
            () => t.multiply(exp(t)),
          ),
        ];
      },
      [zero(), x.multiply(1)],
    );
    return sum(h);
  },
  cond_while(x, w, a, n) {
    const power = (first: Tensor): Tensor =>
      whileLoop(
        (i) => i.lessThan(n),
        (i, h) => [i.add(1), tanh(matmul(h, w))],
        [zero(), first],
      )[1];
    return sum(
      cond(
        a.greaterThan(0),
        () => power(x.multiply(a)),
        () => x.multiply(a),
      ),
    );
  },
  while_while(x, _w, a, n) {
    const inner = (i: Tensor, h: Tensor): Tensor =>
      whileLoop(
        (j) => j.lessEqual(i),
        (j, g) => [j.add(1), sin(g.multiply(a)).add(h.multiply(0.125))],
        [zero(), h.multiply(1)],
      )[1];
    const [, h] = whileLoop(
      (i) => i.lessThan(n),
      (i, h) => [i.add(1), multiply(inner(i, h), x)],
      [zero(), x.multiply(1)],
    );
    return sum(h);
  },
};

/** Asserts that values agree to 1e-10, relative and absolute. */
function same(got: ArrayLike<number | bigint>, want: readonly number[], what: string, tolerance = 1e-10): void {
  expect(got.length, what).toBe(want.length);
  want.forEach((v, i) => {
    expect(Math.abs(Number(got[i]) - v), `${what}[${i}]: ${got[i]} and ${v}`).toBeLessThan(
      tolerance * (1 + Math.abs(v)),
    );
  });
}

describe.each(Object.entries(recorded.cases))("%s", (name, runs) => {
  test.each(runs.map((r) => [r.a, r.n, r] as const))("a = %f, n = %i", async (a, n, r) => {
    const main = new static_.Program();
    const [loss, ...gradients] = static_.programGuard(main, new static_.Program(), () => {
      const floats = (["x", "w", "a"] as const).map((k) =>
        static_.data(k, { x: [2, 3], w: [3, 3], a: [1] }[k], "float64"),
      );
      for (const v of floats) v.stopGradient = false;
      const [x, w, scale] = floats as [Tensor, Tensor, Tensor];
      const out = functions[name]!(x, w, scale, static_.data("n", [1], "int64"));
      return [out, ...static_.gradients(out, floats)] as const;
    });
    const feed = { x: recorded.x, w: recorded.w, a: [a], n: [n] };
    const fetchList = [loss, ...gradients.filter((g) => g !== null)];
    const got = await new static_.Executor().run(main, { feed, fetchList });
    same(got[0]!.data as Float64Array, [r.loss], "loss");
    let at = 1;
    (["x", "w", "a"] as const).forEach((k, i) => {
      // A gradient that Paddle leaves out, and one of zeros, say the same.
      const values = gradients[i] ? (got[at++]!.data as Float64Array) : new Float64Array();
      const want = r.gradients[k] ?? Array.from(values, () => 0);
      same(gradients[i] ? values : new Float64Array(want.length), want, `d${k}`, r.differences ? 1e-8 : 1e-10);
    });
  });
});

test("a weight that a loop uses n times and a bias of one branch, under Momentum", async () => {
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const loss = static_.programGuard(main, startup, () => {
    const x = static_.data("x", [2, 3]);
    const n = static_.data("n", [1], "int64");
    const initializer = new nn.initializer.Assign(recorded.w);
    const w = static_.createParameter([3, 3], "float32", { attr: new ParamAttr({ name: "w", initializer }) })!;
    const half = new ParamAttr({ name: "b", initializer: new nn.initializer.Constant(0.5) });
    const b = static_.createParameter([3], "float32", { attr: half })!;
    const [, h] = whileLoop(
      (i) => i.lessThan(n),
      (i, h) => [i.add(1), tanh(matmul(h, w))],
      [zero(), x.multiply(1)],
    );
    const out = mean(
      cond(
        n.greaterThan(2),
        () => h.add(b).pow(2),
        () => h.multiply(h).multiply(3),
      ),
    );
    new optimizer.Momentum({ learningRate: 0.1, momentum: 0.9 }).minimize(out);
    return out;
  });
  const exe = new static_.Executor();
  const scope = new static_.Scope();
  await exe.run(startup, { scope });
  for (const step of recorded.training) {
    const got = await exe.run(main, { scope, feed: { x: recorded.x, n: [step.n] }, fetchList: [loss] });
    const value = (name: string): Float32Array => scope.findVar(name)!.getTensor().numpy().data as Float32Array;
    same(got[0]!.data as Float32Array, [step.loss], "loss", 1e-6);
    same(value("w"), step.w, "w", 1e-6);
    same(value("b"), step.b, "b", 1e-6);
  }
});
