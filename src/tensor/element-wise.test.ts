// Element-wise functions: dtypes of results as recorded from Paddle, corners of integers and infinities, second derivatives, in place.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { DType } from "../core/dtype.js";
import { promoteTypes } from "../core/promotion.js";
import * as oar from "../index.js";
import { grad, noGrad, ones, type Tensor, toTensor } from "../index.js";

type Row = Readonly<Record<string, string | null>>;
interface Recorded {
  readonly pairs: Readonly<Record<string, Row>>;
  readonly numbers: Readonly<Record<string, Readonly<Record<string, Row>>>>;
  readonly unary: Readonly<Record<string, Row>>;
  readonly activations: Readonly<Record<string, Row>>;
  readonly binary: Readonly<Record<string, Row>>;
}
const recorded = JSON.parse(
  readFileSync(new URL("../../test/fixtures/promotion/expected.json", import.meta.url), "utf8"),
) as Recorded;

const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase());
type Fn = (...x: unknown[]) => Tensor | readonly Tensor[];
const dtypeOf = (out: Tensor | readonly Tensor[]): DType => (Array.isArray(out) ? out[0].dtype : (out as Tensor).dtype);
const f64 = (data: readonly number[], stopGradient = true): Tensor =>
  toTensor([...data], { dtype: "float64", stopGradient });
const int = (data: readonly number[], dtype: DType = "int32"): Tensor => toTensor([...data], { dtype });

describe("dtypes of results are Paddle's", () => {
  test("two tensors", () => {
    for (const [a, row] of Object.entries(recorded.pairs)) {
      for (const [b, want] of Object.entries(row)) {
        if (want === null) expect(() => promoteTypes(a as DType, b as DType, "add"), `${a} ${b}`).toThrow(/do not mix/);
        else expect(promoteTypes(a as DType, b as DType, "add"), `${a} ${b}`).toBe(want);
      }
    }
  });

  test("a tensor and a number", () => {
    for (const [op, rows] of Object.entries(recorded.numbers)) {
      const f = (oar as unknown as Record<string, Fn>)[camel(op)]!;
      for (const [dtype, row] of Object.entries(rows)) {
        for (const [number, want] of Object.entries(row))
          if (want)
            expect(dtypeOf(f(ones([2], { dtype: dtype as DType }), Number(number))), `${op} ${dtype} ${number}`).toBe(
              want,
            );
      }
    }
  });

  const table = (rows: Readonly<Record<string, Row>>, room: object, count: 1 | 2): void => {
    for (const [name, row] of Object.entries(rows)) {
      const f = (room as Record<string, Fn>)[camel(name)];
      expect(f, name).toBeTypeOf("function");
      for (const [dtype, want] of Object.entries(row)) {
        if (!want) continue;
        const x = ones([2], { dtype: dtype as DType });
        expect(dtypeOf(count === 1 ? f!(x) : f!(x, x)), `${name} ${dtype}`).toBe(want);
      }
    }
  };
  // Paddle computes these of complex numbers by a cast that drops the imaginary part, or by a formula that means nothing there.
  const without = (rows: Readonly<Record<string, Row>>, names: readonly string[]): Record<string, Row> =>
    Object.fromEntries(
      Object.entries(rows).map(([n, row]) => [
        n,
        names.includes(n) ? Object.fromEntries(Object.entries(row).filter(([d]) => !d.startsWith("complex"))) : row,
      ]),
    );
  test("functions of one tensor", () => table(recorded.unary, oar, 1));
  test("activations", () =>
    table(without(recorded.activations, ["softplus", "softsign", "hardswish", "log_sigmoid"]), oar.nn.functional, 1));
  test("functions of two tensors", () =>
    table({ ...recorded.binary, divide: { ...recorded.binary["divide"], bool: null } }, oar, 2));
});

describe("corners", () => {
  test("floor division and remainder have the divisor's sign", async () => {
    const [x, y] = [int([7, -7, 7, -7, 5]), int([2, 2, -2, -2, 0])];
    expect(await x.floorDivide(y).tolist()).toEqual([3, -4, -4, 3, 0]);
    expect(await x.mod(y).tolist()).toEqual([1, 1, -1, -1, 0]);
    expect(
      await f64([7, -7, 7.5, 0])
        .mod(f64([2, 2, -2, 0]))
        .tolist(),
    ).toEqual([1, 1, -0.5, Number.NaN]);
    expect(
      await f64([7.5, 0, -3])
        .floorDivide(f64([0, 0, 2]))
        .tolist(),
    ).toEqual([Infinity, Number.NaN, -2]);
    expect(() => x.floorDivide(0)).toThrow(/division by zero/);
    expect(() => x.mod(0)).toThrow(/division by zero/);
  });

  test("integer powers wrap; negative ones truncate", async () => {
    expect(await int([2, 3, 7]).pow(20).tolist()).toEqual([1048576, -808182895, -1199696159]);
    const big = await toTensor([3n, 7n])
      .pow(toTensor([40n, 40n]))
      .data("int64");
    expect([...big]).toEqual([-6289078614652622815n, -6212923193149656639n]);
    expect(
      await int([2, 1, -1, -1])
        .pow(int([-1, -3, -3, -4]))
        .tolist(),
    ).toEqual([0, 1, -1, 1]);
  });

  test("shifts beyond the width", async () => {
    const x = int([1, -5, 100]);
    expect(await x.bitwiseLeftShift(int([32, 1, -1])).tolist()).toEqual([0, -10, 0]);
    expect(await x.bitwiseRightShift(int([1, 40, -1])).tolist()).toEqual([0, -1, 0]);
    expect(await x.bitwiseRightShift(int([1, 1, 1]), { isArithmetic: false }).tolist()).toEqual([0, 2147483645, 50]);
    expect(
      await int([200], "uint8")
        .bitwiseLeftShift(int([1], "uint8"))
        .tolist(),
    ).toEqual([144]);
  });

  test("NaN in extrema, relu and clip", async () => {
    const [x, y] = [f64([Number.NaN, 1]), f64([1, Number.NaN])];
    expect(await x.maximum(y).tolist()).toEqual([Number.NaN, Number.NaN]);
    expect(await x.fmax(y).tolist()).toEqual([1, 1]);
    expect(await oar.nn.functional.relu(x).tolist()).toEqual([0, 1]);
    expect(await x.clip(0, 0.5).tolist()).toEqual([Number.NaN, 0.5]);
  });

  test("complex numbers against identities", async () => {
    const z = oar.complex(f64([1.5, -0.3, 2]), f64([-2.5, 0.7, 0.1]));
    const close = async (a: Tensor, b: Tensor): Promise<void> => {
      const [p, q] = [await a.asReal().data("float64"), await b.asReal().data("float64")];
      p.forEach((v, i) => {
        expect(Math.abs(v - q[i]!)).toBeLessThan(1e-12 * (1 + Math.abs(q[i]!)));
      });
    };
    await close(z.log().exp(), z);
    await close(z.sqrt().square(), z);
    for (const [f, inverse] of [
      ["sin", "asin"],
      ["cos", "acos"],
      ["tan", "atan"],
      ["sinh", "asinh"],
      ["cosh", "acosh"],
      ["tanh", "atanh"],
    ] as const)
      await close(z[inverse]()[f](), z);
    await close(z.pow(2), z.multiply(z));
    await close(oar.polar(z.abs(), z.angle()), z);
    await close(z.multiply(z.reciprocal()), oar.complex(f64([1, 1, 1]), f64([0, 0, 0])));
  });
});

describe("second derivatives by central differences of the first", () => {
  const F = oar.nn.functional;
  const smooth: Record<string, (x: Tensor) => Tensor> = {
    ...Object.fromEntries(
      (
        [
          "sigmoid",
          "tanh",
          "silu",
          "gelu",
          "mish",
          "softplus",
          "softsign",
          "tanhshrink",
          "logSigmoid",
          "elu",
          "celu",
          "selu",
        ] as const
      ).map((n) => [n, (x: Tensor) => F[n](x)]),
    ),
    "gelu tanh": (x) => F.gelu(x, true),
    hardswish: (x) => F.hardswish(x),
    stanh: (x) => oar.stanh(x),
    logit: (x) => oar.logit(x.multiply(0.2).add(0.5)),
    sin: (x) => x.sin(),
    pow: (x) => x.pow(3),
    lgamma: (x) => x.square().add(1).lgamma(),
    i0e: (x) => x.i0e(),
  };
  test.each(Object.keys(smooth))("%s", async (name) => {
    const f = smooth[name]!;
    const at = [-1.7, -0.6, 0.4, 1.3];
    const slope = (data: readonly number[], createGraph: boolean): [Tensor, Tensor] => {
      const x = f64(data, false);
      const y = f(x);
      return [x, grad(y, x, { gradOutputs: f64([1, 2, -1, 0.5]), createGraph })[0]!];
    };
    const [x, first] = slope(at, true);
    const got = await grad(first, x)[0]!.data("float64");
    const h = 1e-5;
    const [, high] = slope(
      at.map((v) => v + h),
      false,
    );
    const [, low] = slope(
      at.map((v) => v - h),
      false,
    );
    const [p, q] = [await high.data("float64"), await low.data("float64")];
    got.forEach((v, i) => {
      const want = (p[i]! - q[i]!) / (2 * h);
      expect(Math.abs(v - want), `${name} at ${at[i]}`).toBeLessThan(1e-7 + 1e-6 * Math.abs(want));
    });
  });
});

describe("in place", () => {
  test("x takes the result and keeps its place in the graph", async () => {
    const x = f64([1, 2], false);
    const y = x.multiply(1);
    expect(y.exp_()).toBe(y);
    const [g] = grad(y, x);
    expect(await g!.tolist()).toEqual([Math.E, Math.E ** 2].map((v) => expect.closeTo(v, 12)));
    expect(() => x.exp_()).toThrow(/leaf/);
    noGrad(() => x.add_(1));
    expect(await x.tolist()).toEqual([2, 3]);
  });

  test("comparisons make x bool; a larger result is refused", async () => {
    const x = f64([1, 2]);
    expect(x.lessThan_(f64([2, 2])).dtype).toBe("bool");
    expect(await x.tolist()).toEqual([true, false]);
    expect(() => f64([1]).multiply_(f64([1, 2]))).toThrow(/does not fit in place/);
  });

  test("increment leaves a leaf a leaf", async () => {
    const x = f64([1], false);
    x.increment(2.5);
    expect([x.isLeaf, x.stopGradient, await x.item()]).toEqual([true, false, 3.5]);
  });
});

test("aliases are the same functions", () => {
  expect(oar.mod).toBe(oar.remainder);
  expect(oar.clamp).toBe(oar.clip);
  expect(oar.less).toBe(oar.lessThan);
  expect(oar.negative).toBe(oar.neg);
  expect(oar.viewAsReal).toBe(oar.asReal);
});
