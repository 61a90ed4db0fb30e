// Programs with sizes that depend on values: their cuts, forms and variants, what they compile, what they keep, what they refuse.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { engine } from "../device/engine.js";
import * as oar from "../index.js";
import type { Tensor } from "../tensor/tensor.js";

const { static: st, nn } = oar;

beforeEach(() => oar.enableStatic());
afterEach(() => oar.disableStatic());

const built = <R>(build: () => R extends PromiseLike<unknown> ? never : R) => {
  const [main, startup] = [new st.Program(), new st.Program()];
  return { main, startup, out: st.programGuard(main, startup, build) as R };
};

const numbers = (a: { readonly data: ArrayLike<number | bigint> } | undefined): number[] => Array.from(a!.data, Number);

/** A row of `n` numbers, the first `k` of them positive. */
const row = (n: number, k: number): number[] => Array.from({ length: n }, (_, i) => (i < k ? i + 1 : -i));

describe("what a Program says", () => {
  test("segments, text and shapes show the reads; counts of one mask are read once", () => {
    const { main, out } = built(() => {
      const x = st.data("x", [-1]);
      const [a, b] = [oar.maskedSelect(x, x.greaterThan(0)), oar.maskedSelect(x.multiply(2), x.greaterThan(0))];
      return [a, a.add(b).sum(), oar.nonzero(x.lessThan(0))] as Tensor[];
    });
    const cuts = main.segments.filter((s) => s.host === "read_size");
    expect(cuts.map((s) => s.reason)).toEqual([
      "the size of maskedSelect's result depends on values",
      "the size of nonzero's result depends on values",
    ]);
    expect(main.segments.at(-1)).toMatchObject({ host: null, reason: null });
    expect(main.toString()).toMatch(/read_size\.tmp_\d+: int64\[\] = read_size\(.*\) \{size: -1, of: "maskedSelect"/);
    expect(main.toString()).toMatch(/int64\[-1, 1\] = nonzero/);
    expect(String(out[0]!.shape)).toBe("-1");
    expect([...(out[2]!.shape as number[]).toString().split(",")]).toEqual(["-1", "1"]);
  });

  test("pruning drops reads that nothing needs, and keeps those that only numbers speak of", async () => {
    const { main, out } = built(() => {
      const x = st.data("x", [-1]);
      const chosen = oar.maskedSelect(x, x.greaterThan(0));
      return [chosen, x.sum(), oar.full([chosen.shape[0]!], 7)] as Tensor[];
    });
    const [chosen, total, sevens] = out as [Tensor, Tensor, Tensor];
    expect(main.prune(total).segments).toHaveLength(1);
    expect(main.prune(chosen).segments).toHaveLength(2);
    const only = main.prune(sevens);
    expect(only.segments).toHaveLength(2);
    const [got] = await new st.Executor().run(only, { feed: { x: row(5, 3) }, fetchList: [sevens] });
    expect(numbers(got)).toEqual([7, 7, 7]);
    const pruned = await new st.Executor().run(main, { feed: { x: row(5, 2) }, fetchList: [total], usePrune: true });
    expect(numbers(pruned[0])).toEqual([1 + 2 - 2 - 3 - 4]);
  });

  test("the test form keeps the reads, without dropout", async () => {
    const { main, startup, out } = built(() => {
      const x = st.data("x", [-1, 2]);
      const h = nn.functional.dropout(st.nn.fc(x, 2, { weightAttr: ones(), biasAttr: false }), 0.5);
      const loss = oar.mean(h.at(h.sum(1).greaterThan(0)));
      const tested = oar.static.defaultMainProgram().clone({ forTest: true });
      new oar.optimizer.SGD({ learningRate: 0.1 }).minimize(loss);
      return { loss, tested };
    });
    const exe = new st.Executor();
    await exe.run(startup);
    expect(out.tested.segments.length).toBe(2);
    const feed = {
      x: [
        [1, 2],
        [-1, -2],
        [3, 4],
      ],
    };
    for (let i = 0; i < 2; i++) {
      const [got] = await exe.run(out.tested, { feed, fetchList: [out.loss] });
      expect(numbers(got)).toEqual([5]);
    }
    expect(main.segments.length).toBe(2);
  });
});

const ones = () => ({ initializer: new nn.initializer.Constant(1) });

describe("what a run does", () => {
  test("a size that was there compiles nothing; other sizes share code that takes extents as arguments", async () => {
    const { main, startup, out } = built(() => {
      const x = st.data("x", [64]);
      const chosen = oar.maskedSelect(x, x.greaterThan(0)).reshape([-1, 1]);
      const loss = oar.mean(oar.tanh(st.nn.fc(chosen, 8)));
      new oar.optimizer.Adam({ learningRate: 0.01 }).minimize(loss);
      return loss;
    });
    const exe = new st.Executor();
    await exe.run(startup);
    const step = (k: number) => exe.run(main, { feed: { x: row(64, k) }, fetchList: [out] });
    for (const k of [10, 20, 30, 40]) await step(k);
    const kernels = engine().compiledKernels;
    for (let k = 2; k < 64; k++) await step(k);
    for (const k of [10, 30, 50]) await step(k);
    expect(engine().compiledKernels).toBe(kernels);
    exe.close();
  });

  test("memory stays flat over many sizes, and is given back", async () => {
    const { main, out } = built(() => {
      const x = st.data("x", [256]);
      return oar.sum(oar.exp(oar.maskedSelect(x.divide(256), x.greaterThan(0))));
    });
    const sweep = () => engine().memory.sweep(true);
    const exe = new st.Executor();
    const before = engine().heap.liveBytes;
    const round = async () => {
      for (let k = 1; k < 128; k++) await exe.run(main, { feed: { x: row(256, k) }, fetchList: [out] });
      sweep();
      return engine().heap.liveBytes;
    };
    const first = await round();
    const second = await round();
    expect(second - first).toBeLessThanOrEqual(4096);
    exe.close();
    sweep();
    expect(engine().heap.liveBytes - before).toBeLessThanOrEqual(4096);
  });

  test("running statistics that change before a read are read old and new behind it", async () => {
    const { main, startup, out } = built(() => {
      const x = st.data("x", [-1, 2]);
      const h = st.nn.batchNorm(x, { momentum: 0.5 });
      const moved = main0().globalBlock().var("batch_norm_0.w_1");
      const chosen = oar.maskedSelect(h, x.greaterThan(0));
      return [oar.sum(chosen), moved, chosen] as Tensor[];
    });
    const exe = new st.Executor();
    const scope = new st.Scope();
    await exe.run(startup, { scope });
    const feed = {
      x: [
        [1, 2],
        [3, -6],
      ],
    };
    await exe.run(main, { scope, feed, fetchList: [out[0]!] });
    // 0.5 * 0 + 0.5 * mean of the batch.
    expect(numbers(scope.findVar("batch_norm_0.w_1")!.getTensor().numpy())).toEqual([1, -1]);
    const [, mean] = await exe.run(main, { scope, feed, fetchList: [out[0]!, out[1]!] });
    expect(numbers(mean)).toEqual([1.5, -1.5]);
  });

  test("frozen parts and other settings make variants", async () => {
    const { main, startup, out } = built(() => {
      const x = st.data("x", [-1, 2]);
      const h = st.nn.fc(x, 3, { weightAttr: { name: "w1", ...ones() }, biasAttr: false });
      const loss = oar.mean(st.nn.fc(h.at(x.sum(1).greaterThan(0)), 1, { weightAttr: { name: "w2", ...ones() } }));
      new oar.optimizer.SGD({ learningRate: 0.1 }).minimize(loss);
      return loss;
    });
    const [exe, scope] = [new st.Executor(), new st.Scope()];
    await exe.run(startup, { scope });
    const value = (name: string) => numbers(scope.findVar(name)!.getTensor().numpy());
    const step = () =>
      exe.run(main, {
        scope,
        feed: {
          x: [
            [1, 2],
            [-1, -2],
            [2, 1],
          ],
        },
        fetchList: [out],
      });
    await step();
    const w1 = value("w1");
    expect(w1).not.toEqual([1, 1, 1, 1, 1, 1]);
    main.parameters.get("w1")!.trainable = false;
    const w2 = value("w2");
    await step();
    expect(value("w1")).toEqual(w1);
    expect(value("w2")).not.toEqual(w2);
    expect(main.variants).toBe(2);
  });

  test("extents that are sums of unknown ones, and parts of them", async () => {
    const { main, out } = built(() => {
      const x = st.data("x", [-1]);
      x.stopGradient = false;
      const [a, b] = [oar.maskedSelect(x, x.greaterThan(0)), oar.maskedSelect(x, x.lessThan(0))];
      const joined = oar.concat([a, x, b]);
      const padded = nn.functional.pad(joined, [1, 2]);
      const loss = oar.sum(padded.reshape([padded.shape[0]!, 1]).multiply(oar.full([padded.shape[0]!, 1], 2)));
      return [padded, ...st.gradients(loss.add(oar.sum(joined.at("2:").multiply(joined.at("2:")))), x)] as Tensor[];
    });
    expect(String(out[0]!.shape)).toBe("-1");
    for (const [n, k] of [
      [4, 2],
      [6, 0],
      [3, 3],
    ] as const) {
      const x = row(n, k);
      const joined = [...x.filter((v) => v > 0), ...x, ...x.filter((v) => v < 0)];
      const [padded, dx] = await new st.Executor().run(main, { feed: { x }, fetchList: out });
      expect(numbers(padded)).toEqual([0, ...joined, 0, 0]);
      // d/dx of 2 sum(joined) + sum(joined[2:]^2): each place of joined gives 2, and 2 v from the third on.
      const places = joined.map((v, i) => 2 + (i >= 2 ? 2 * v : 0));
      const [pos, neg] = [x.filter((v) => v > 0).length, n + x.filter((v) => v > 0).length];
      let [p, q] = [0, 0];
      const want = x.map((v, i) => places[pos + i]! + (v > 0 ? places[p++]! : v < 0 ? places[neg + q++]! : 0));
      expect(numbers(dx)).toEqual(want);
    }
  });
});

test("numbers in the result of a captured function are those of the run", () => {
  oar.disableStatic();
  const f = (x: Tensor): [Tensor, number, { n: number }] => {
    const chosen = oar.maskedSelect(x, x.greaterThan(0));
    return [chosen, chosen.shape[0]! * 2, { n: chosen.shape[0]! }];
  };
  for (const g of [oar.jit.compile(f), oar.jit.toStatic(f)])
    for (const k of [3, 0, 5]) {
      const [chosen, twice, { n }] = g(oar.toTensor(row(6, k)));
      expect([chosen.shape, twice, n]).toEqual([[k], 2 * k, k]);
    }
});

test("a captured step with a read: native code, and times of launches that leave parameters alone", async () => {
  oar.disableStatic();
  const net = new nn.Linear(4, 2);
  const opt = new oar.optimizer.SGD({ learningRate: 0.1, parameters: net.parameters() });
  const step = oar.jit.compile((x: Tensor) => {
    const y = net(x);
    const loss = oar.mean(oar.maskedSelect(y, x.at("...", "0:2").greaterThan(0)));
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  for (let i = 0; i < 5; i++) step(oar.ones([3, 4]));
  const reports = await step.ready();
  expect(reports).toHaveLength(1);
  step(oar.ones([3, 4]));
  const before = await net.weight.tolist();
  expect(step.profile()[0]!.length).toBeGreaterThan(1);
  expect(await net.weight.tolist()).toEqual(before);
  expect(step.variants()).toBe(1);
});

describe("what is refused", () => {
  test("negative numbers, when the Program runs", async () => {
    const { main, out } = built(() => {
      const x = st.data("x", [-1], "int64");
      return [oar.bincount(x), oar.repeatInterleave(oar.onesLike(x), x)] as Tensor[];
    });
    const exe = new st.Executor();
    const feed = { x: [1, -2] };
    const bincount = exe.run(main, { feed, fetchList: [out[0]!], usePrune: true });
    await expect(bincount).rejects.toThrow(/\[bincount\] the elements must not be negative/);
    const repeated = exe.run(main, { feed, fetchList: [out[1]!], usePrune: true });
    await expect(repeated).rejects.toThrow(/\[repeatInterleave\] repeats must not be negative/);
    const [empty] = await exe.run(main, { feed: { x: [] }, fetchList: [out[0]!], usePrune: true });
    expect(empty!.shape).toEqual([0]);
  });

  test("branches and loops", () => {
    built(() => {
      const x = st.data("x", [-1]);
      const inside = () => oar.maskedSelect(x, x.greaterThan(0)).sum();
      expect(() => st.nn.cond(x.sum().greaterThan(0), inside, () => x.sum())).toThrow(
        /\[maskedSelect\] the size of its result depends on values.*value-sizes-program\.test\.ts.*\n.*before/,
      );
      return 0;
    });
  });

  test("a loop whose gradient stands behind a read", async () => {
    const { main, out } = built(() => {
      const x = st.data("x", [2]);
      x.stopGradient = false;
      const zero = oar.full([1], 0, { dtype: "int64" });
      const [, h] = st.nn.whileLoop(
        (i: Tensor) => i.lessThan(2),
        (i: Tensor, y: Tensor) => [i.add(1), oar.tanh(y)],
        [zero, x.multiply(1)],
      ) as [Tensor, Tensor];
      const loss = oar.sum(oar.maskedSelect(h, x.greaterThan(0)));
      return st.gradients(loss, x)[0]!;
    });
    const run = new st.Executor().run(main, { feed: { x: [1, -1] }, fetchList: [out] });
    await expect(run).rejects.toThrow(/gradients do not flow through a whileLoop .* before a size/);
  });
});

const main0 = () => st.defaultMainProgram();
