// Averaged models, sparse embeddings and data_norm against recorded Paddle, in dynamic, compiled and static mode.

import { disableStatic, enableStatic, incubate, nn, optimizer, static as static_, type Tensor, utils } from "oarjs";
import { describe, expect, test } from "vitest";
import { excess } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { modes, type Setup, start } from "./modes.js";
import { attr, difference, flat, inProgram, inStatic, meanSquare, type Nested, recorded } from "./recorded-net.js";

/** One fully connected layer whose parameters are averaged. */
const averaged = ([rate, low, high]: readonly number[]): Setup<nn.Linear> => ({
  make: () => new nn.Linear(4, 3, { weightAttr: attr(1, [4, 3]), biasAttr: attr(2, [3]) }),
  loss: (net, x, y) => meanSquare(net(x), y),
  optimizer: (net) => new optimizer.SGD({ learningRate: 0.5, parameters: net.parameters() }),
  average: (net) =>
    new incubate.ModelAverage(rate!, { parameters: net.parameters(), minAverageWindow: low, maxAverageWindow: high }),
  inputs: [[4], [3]],
});

const windows = ["0.5/1/3", "0.15/2/10", "1.0/10/20"];

describe.each(modes)("ModelAverage, %s", (mode) => {
  test.each(windows)("%s: averages after each step, own values after that, state at the end", async (window) => {
    const want = (mode === "static" ? inStatic : recorded)[`average/${window}`]!;
    const run = await start(mode, averaged(window.split("/").map(Number)));
    const values = (): Record<string, number[]> =>
      Object.fromEntries(Object.keys(want.first).map((name) => [name, [...run.value(name)]]));
    const near = (got: Record<string, number[]>, expected: Readonly<Record<string, Nested>>): void => {
      for (const [name, v] of Object.entries(expected))
        expect(excess(got[name]!, flat(v), 2e-5, 2e-6), name).toBeLessThanOrEqual(0);
    };
    for (const [t, [x, y]] of recorded.data.entries()) {
      await run.step(x, y);
      near(values(), want.steps[t]!);
      let applied: Promise<ReturnType<typeof values>> | undefined;
      static_.scopeGuard(run.scope ?? static_.globalScope(), () => {
        applied = run.average!.apply(run.exe ?? null, async () => values());
      });
      near((await applied)!, want.averages[t]!);
      near(values(), want.steps[t]!);
    }
    expect(run.stateNames().sort()).toEqual(Object.keys(want.state).sort());
    for (const [name, v] of Object.entries(want.state))
      expect(excess(run.value(name), flat(v), 2e-5, 2e-6), name).toBeLessThanOrEqual(0);
  });
});

test("ModelAverage: what throws restores, needRestore false does not, what has no average stays", async () => {
  const run = await start("dynamic", averaged([1, 1, 4]));
  const value = (): number[] => [...run.value("linear_0.b_0")];
  expect(run.average!.apply(value)).toEqual(value());
  for (const [x, y] of recorded.data) await run.step(x, y);
  const own = value();
  expect(() =>
    run.average!.apply(() => {
      throw new Error("stop");
    }),
  ).toThrow("stop");
  expect(value()).toEqual(own);
  expect(run.average!.apply({ needRestore: false }, value)).not.toEqual(own);
  expect(value()).not.toEqual(own);
  run.average!.restore();
  expect(value()).toEqual(own);
  expect(() => new incubate.ModelAverage("0.1" as never, { parameters: [] })).toThrow(/averageWindowRate/);
});

/** An embedding with a gradient of rows; in Programs by the helper. */
class Words extends nn.Layer {
  readonly table: nn.Embedding | undefined;

  constructor(readonly helper: boolean) {
    super("net");
    const weightAttr = attr(1, [6, 3], { name: "words" });
    if (!helper) this.table = new nn.Embedding(6, 3, { sparse: true, weightAttr });
  }

  override forward(ids: Tensor): Tensor {
    const options = { isSparse: true, paramAttr: attr(1, [6, 3], { name: "words" }) };
    return (this.table ? this.table(ids) : static_.nn.embedding(ids, [6, 3], options)).sum(1);
  }
}

const wordsSetup = (name: string, helper: boolean): Setup<Words> => ({
  make: () => new Words(helper),
  loss: (net, ids, y) => meanSquare(net(ids), y),
  optimizer: (net) => {
    const o = { learningRate: 0.5, parameters: helper ? undefined : net.parameters() };
    if (name === "Adagrad") return new optimizer.Adagrad(o);
    return new optimizer.SGD({ ...o, gradClip: name === "clipped" ? new nn.ClipGradByGlobalNorm(0.1) : null });
  },
  inputs: [[3], [3], "int64"],
});

describe("sparse embeddings", () => {
  test.each(modes.flatMap((mode) => ["SGD", "Adagrad", "clipped"].map((name) => [mode, name] as const)))(
    "%s, %s",
    async (mode, name) => {
      const run = await start(mode, wordsSetup(name, false));
      const want = recorded[`words/${name}`]!;
      expect(await difference(run, { ...want, state: {} }, undefined, recorded.words)).toEqual({});
    },
  );

  test.each(["SGD", "Adagrad"])("static.nn.embedding with isSparse, %s: Paddle 2.6.2", async (name) => {
    const run = await start("static", wordsSetup(name, true));
    const want = inProgram[`words/${name}`]!;
    expect(await difference(run, { ...want, state: {} }, undefined, recorded.words)).toEqual({});
    const names = run.program!.globalBlock().ops.map((op) => op.record.name);
    if (name === "SGD") expect(names).toContain("sgd_dense_param_sparse_grad");
  });
});

test("data_norm: gradients and sums of five runs, Paddle 2.6.2", async () => {
  const { data_norm: want } = fixtureJson<{
    data_norm: {
      readonly losses: readonly number[];
      readonly gradients: readonly (readonly Nested[])[];
      readonly steps: readonly Readonly<Record<string, Nested>>[];
    };
  }>("parameters/static-program.json");
  enableStatic();
  const [main, startup, scope] = [new static_.Program(), new static_.Program(), new static_.Scope()];
  const loss = utils.uniqueName.guard(() =>
    static_.programGuard(main, startup, () => {
      const [x, y] = [static_.data("x", [-1, 4]), static_.data("y", [-1, 3])];
      const h = static_.nn.fc(x, 4, { weightAttr: attr(1, [4, 4]), biasAttr: false });
      const paramAttr = { batchSize: 8, batchSum: 2, batchSquare: 4 };
      const n = static_.nn.dataNorm(h, { name: "dn", paramAttr });
      const out = static_.nn.fc(n, 3, { weightAttr: attr(2, [4, 3]), biasAttr: false });
      const loss = meanSquare(out, y);
      new optimizer.SGD({ learningRate: 0.5 }).minimize(loss);
      return loss;
    }),
  );
  const exe = new static_.Executor();
  await exe.run(startup, { scope });
  disableStatic();
  const gradients = ["fc_0.w_0@GRAD", "dn.batch_size@GRAD", "dn.batch_sum@GRAD", "dn.batch_square_sum@GRAD"];
  for (const [t, [x, y]] of recorded.data.entries()) {
    const feed = { x: x as number[], y: y as number[] };
    const fetched = await exe.run(main, { scope, feed, fetchList: [loss, ...gradients] });
    const near = (what: string, got: ArrayLike<number | bigint>, expected: Nested): void =>
      expect(excess(got, flat(expected), 2e-5, 2e-6), `${what} of run ${t}`).toBeLessThanOrEqual(0);
    near("loss", fetched[0]!.data, want.losses[t]!);
    gradients.forEach((name, i) => near(name, fetched[i + 1]!.data, want.gradients[t]![i]!));
    for (const [name, v] of Object.entries(want.steps[t]!))
      near(name, scope.findVar(name)!.getTensor().numpy().data, v);
  }
});
