// Helpers of the control-flow tests: a Program built from a function, and central differences of what it computes.

import { expect } from "vitest";
import type { NdArray } from "../../core/nd-array.js";
import type { Tensor } from "../../tensor/tensor.js";
import * as static_ from "../index.js";

/** Inputs by name: shape with -1 for what is fed, dtype float64 unless given. */
export type Inputs = Readonly<
  Record<string, readonly [shape: number[], dtype?: "float32" | "float64" | "int64" | "bool"]>
>;

/** A Program with a scalar loss, its gradients by input, and a scope in which startup ran. */
export interface Built {
  readonly main: static_.Program;
  readonly run: (
    feed: Readonly<Record<string, static_.Feed>>,
    fetch?: readonly (Tensor | string)[],
  ) => Promise<NdArray[]>;
  readonly loss: Tensor;
  readonly gradients: Readonly<Record<string, Tensor | null>>;
  readonly scope: static_.Scope;
}

/** Builds a Program whose loss `f` makes of the inputs, with the gradients of those that are floating. */
export async function build(inputs: Inputs, f: (v: Readonly<Record<string, Tensor>>) => Tensor): Promise<Built> {
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const { loss, gradients } = static_.programGuard(main, startup, () => {
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, [shape, dtype]]) => {
        const x = static_.data(name, shape, dtype ?? "float64");
        if (x.dtype.startsWith("float")) x.stopGradient = false;
        return [name, x];
      }),
    );
    const made = f(given);
    const wanted = Object.entries(given).filter(([, x]) => !x.stopGradient);
    const found = static_.gradients(
      made,
      wanted.map(([, x]) => x),
    );
    return { loss: made, gradients: Object.fromEntries(wanted.map(([name], i) => [name, found[i]!])) };
  });
  const exe = new static_.Executor();
  const scope = new static_.Scope();
  await exe.run(startup, { scope });
  return {
    ...{ main, loss, gradients, scope },
    run: (feed, fetch = [loss]) => exe.run(main, { feed, scope, fetchList: fetch }),
  };
}

/** An array's elements as numbers. */
export const list = (a: NdArray | undefined): number[] => Array.from(a!.data as Float64Array, Number);

/** Compares gradients with central differences of the loss, at one feed. */
export async function checkGradients(b: Built, feed: Readonly<Record<string, NdArray>>): Promise<void> {
  const h = 1e-5;
  for (const [name, gradient] of Object.entries(b.gradients)) {
    const x = feed[name]!;
    const got = list((await b.run(feed, [gradient!]))[0]);
    for (let i = 0; i < x.data.length; i++) {
      const at = async (d: number): Promise<number> => {
        const data = (x.data as Float64Array).slice();
        data[i]! += d;
        return list((await b.run({ ...feed, [name]: { ...x, data } as NdArray }))[0])[0]!;
      };
      const want = ((await at(h)) - (await at(-h))) / (2 * h);
      expect(Math.abs(got[i]! - want), `d${name}[${i}]: ${got[i]} and ${want}`).toBeLessThan(
        1e-6 + 1e-5 * Math.abs(want),
      );
    }
  }
}

/** A float64 array. */
export const f64 = (shape: readonly number[], data: readonly number[]): NdArray => ({
  ...{ dtype: "float64", shape, data: Float64Array.from(data) },
});

/** An int64 array. */
export const i64 = (shape: readonly number[], data: readonly number[]): NdArray => ({
  ...{ dtype: "int64", shape, data: BigInt64Array.from(data, BigInt) },
});
