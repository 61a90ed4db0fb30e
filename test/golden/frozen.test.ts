// Frozen parts of a network against Paddle 3.3.1: rates of 0 under global-norm clipping, statistics of batch norms, and bytes that stay.

import { multiply, nn, optimizer, setFlags, type Tensor } from "oarjs";
import { afterEach, describe, expect, test } from "vitest";
import { excess } from "./arrays-node.js";
import { type Mode, modes, type Run, type Setup, start } from "./modes.js";
import { attr, type Case, difference, flat, inStatic, meanSquare, recorded } from "./recorded-net.js";

const globalNorm = () => new nn.ClipGradByGlobalNorm(0.1);

/** Two fully connected layers; the first one's weight has a rate of 0. */
class Held extends nn.Layer {
  readonly a: nn.Linear;
  readonly b: nn.Linear;

  constructor(needClip: boolean) {
    super("net");
    const weightAttr = attr(1, [4, 5], { learningRate: 0, needClip });
    this.a = new nn.Linear(4, 5, { weightAttr, biasAttr: attr(2, [5]) });
    this.b = new nn.Linear(5, 3, { weightAttr: attr(3, [5, 3]), biasAttr: attr(4, [3]) });
  }

  override forward(x: Tensor): Tensor {
    const h = this.a(x);
    return this.b(multiply(h, h));
  }
}

const optimizers: Readonly<Record<string, (net: nn.Layer) => optimizer.Optimizer>> = {
  Momentum: (net) =>
    new optimizer.Momentum({
      learningRate: 0.1,
      weightDecay: 0.01,
      parameters: net.parameters(),
      gradClip: globalNorm(),
    }),
  Adam: (net) =>
    new optimizer.Adam({ learningRate: 0.1, weightDecay: 0.01, parameters: net.parameters(), gradClip: globalNorm() }),
  Rprop: (net) => new optimizer.Rprop({ learningRate: 0.01, parameters: net.parameters(), gradClip: globalNorm() }),
};

const heldSetup = (name: string, needClip: boolean): Setup<Held> => ({
  make: () => new Held(needClip),
  loss: (net, x, y) => meanSquare(net(x), y),
  optimizer: (net) => optimizers[name]!(net),
  inputs: [[4], [3]],
});

afterEach(() => setFlags({ strictPaddle: false }));

describe.each(modes)("a rate of 0 under global-norm clipping, %s", (mode) => {
  const names = Object.keys(optimizers).flatMap((name) => [`${name}/true`, `${name}/false`]);
  const setup = (name: string): Setup<Held> => {
    const [kind, clipped] = name.split("/") as [string, string];
    return heldSetup(kind, clipped === "true");
  };
  const recordedIn = (name: string): Case => {
    const key = `held/${name.replace("/true", "/True").replace("/false", "/False")}`;
    return (mode === "static" ? inStatic : recorded)[key]!;
  };

  test.each(names)("%s: strictPaddle's values are Paddle's, state included", async (name) => {
    setFlags({ strictPaddle: true });
    expect(await difference(await start(mode, setup(name)), recordedIn(name))).toEqual({});
  });

  test.each(names)("%s: the weight and its state stay, the rest is Paddle's", async (name) => {
    const run = await start(mode, setup(name));
    const want = recordedIn(name);
    // Rprop knows no rate: Paddle moves the weight, and everything with it.
    const moves = name.startsWith("Rprop");
    const left = (key: string): boolean => moves || key.startsWith("linear_0.w_0_");
    expect(await difference(run, want, left)).toEqual({});
    expect([...run.value("linear_0.w_0")]).toEqual(flat(want.first["linear_0.w_0"]!).map(Math.fround));
    for (const key of run.stateNames().filter((n) => /^linear_0\.w_0_(velocity|moment|prevs)/.test(n)))
      expect(run.value(key).every((v) => v === 0)).toBe(true);
  });
});

type How = "none" | "stop" | "trainable" | "rate" | "global" | "freeze";

/** A front of a fully connected layer and a batch norm, frozen in some way, and a back that is trained. */
class Norm extends nn.Layer {
  readonly a: nn.Linear;
  readonly bn: nn.BatchNorm1D;
  readonly b: nn.Linear;

  constructor(readonly how: How) {
    super("net");
    const frozen = how === "trainable" ? { trainable: false } : how === "rate" ? { learningRate: 0 } : {};
    this.a = new nn.Linear(4, 5, { weightAttr: attr(1, [4, 5], frozen), biasAttr: attr(2, [5], frozen) });
    this.bn = new nn.BatchNorm1D(5, {
      weightAttr: attr(5, [5], frozen),
      biasAttr: attr(6, [5], frozen),
      useGlobalStats: how === "global" ? true : null,
    });
    this.b = new nn.Linear(5, 3, { weightAttr: attr(3, [5, 3]), biasAttr: attr(4, [3]) });
  }

  override forward(x: Tensor): Tensor {
    const h = this.bn(this.a(x));
    if (this.how === "stop") h.stopGradient = true;
    return this.b(h);
  }
}

const normSetup = (how: How): Setup<Norm> => ({
  make() {
    const net = new Norm(how);
    if (how === "freeze") {
      net.freeze("a");
      net.freeze("bn");
    }
    return net;
  },
  loss: (net, x, y) => meanSquare(net(x), y),
  optimizer: optimizers["Momentum"]!,
  inputs: [[4], [3]],
});

describe.each(modes)("batch norm, %s", (mode) => {
  test.each(["none", "stop", "trainable", "rate", "global"] as const)("%s: Paddle's values", async (how) => {
    const want = (mode === "static" ? inStatic : recorded)[`norm/${how}`]!;
    // With a rate of 0 Paddle's velocities gather; ours stay.
    const left = (name: string): boolean => how === "rate" && /^(linear_0|batch_norm1d_0).*velocity/.test(name);
    expect(await difference(await start(mode, normSetup(how)), want, left)).toEqual({});
    const statistics = ["batch_norm1d_0.w_1", "batch_norm1d_0.w_2"];
    const moved = statistics.map((n) => excess(flat(want.steps[4]![n]!), flat(want.first[n]!), 0, 0) > 0);
    expect(moved).toEqual([how !== "global", how !== "global"]);
  });

  test("freeze(): statistics, scale and shift stay", async () => {
    const run = await start(mode, normSetup("freeze"));
    const names = run.net.bn.parameters().map((p) => p.name);
    const before = names.map((n) => run.value(n));
    for (const [x, y] of recorded.data) await run.step(x, y);
    expect(names.map((n) => run.value(n))).toEqual(before);
  });
});

/** 100 steps over the recorded batches. */
async function hundred(run: Run<Norm>): Promise<void> {
  for (let t = 0; t < 100; t++) await run.step(...recorded.data[t % 5]!);
}

/** Parameters of the front, and their momentum where there is any. */
function front(run: Run<Norm>): Map<string, Uint8Array> {
  const trained = [...run.net.a.parameters(), ...run.net.bn.parameters().slice(0, 2)].map((p) => p.name);
  const state = run.stateNames().filter((n) => trained.some((p) => n.startsWith(`${p}_velocity`)));
  return new Map([...trained, ...state].map((n) => [n, new Uint8Array(run.value(n).slice().buffer)]));
}

describe.each(modes)("bytes of weights and moments are the same after 100 steps, %s", (mode) => {
  test.each(["rate", "trainable", "stop", "freeze"] as const)("%s", async (how) => {
    const run = await start(mode, normSetup(how));
    if (how === "rate") await run.step(...recorded.data[0]!);
    const before = front(run);
    const back = run.value("linear_1.w_0");
    await hundred(run);
    expect(front(run)).toEqual(before);
    expect([...before.keys()].some((n) => n.includes("velocity"))).toBe(how === "rate");
    expect(run.value("linear_1.w_0")).not.toEqual(back);
  });

  const freezers: readonly [string, (net: Norm) => void, (net: Norm) => void][] = [
    ["freeze(pattern)", (net) => ["a", "bn"].forEach((n) => net.freeze(n)), (net) => net.unfreeze()],
    ["trainable", (net) => setAll(net, "trainable", false), (net) => setAll(net, "trainable", true)],
    ["learningRate 0", (net) => setAll(net, "learningRate", 0), (net) => setAll(net, "learningRate", 1)],
  ];

  test.each(freezers)("frozen with momentum under way, thawed and frozen again: %s", async (_, freeze, thaw) => {
    const run = await start(mode, normSetup("none"));
    for (const [x, y] of recorded.data) await run.step(x, y);
    for (let round = 0; round < 2; round++) {
      freeze(run.net);
      const before = front(run);
      expect(before.size).toBe(8);
      expect(run.value("linear_0.w_0_velocity_0").some((v) => v !== 0)).toBe(true);
      await hundred(run);
      expect(front(run)).toEqual(before);
      thaw(run.net);
      await run.step(...recorded.data[0]!);
      expect(run.value("linear_0.w_0")).not.toEqual(before.get("linear_0.w_0"));
      expect(front(run)).not.toEqual(before);
    }
    expect(run.opt.stepCount).toBe(5 + 2 * 101);
    expect(run.captures?.() ?? run.program?.variants ?? 2).toBe(2);
  });
});

function setAll(net: Norm, key: "trainable" | "learningRate", value: boolean | number): void {
  for (const p of [...net.a.parameters(), ...net.bn.parameters().slice(0, 2)]) Object.assign(p, { [key]: value });
}

test("three modes agree while parts are frozen and thawed on the way, statistics included", async () => {
  const journey = async (mode: Mode): Promise<Map<string, number[]>> => {
    const run = await start(mode, normSetup("none"));
    const seen = new Map<string, number[]>();
    const look = (label: string): void => {
      for (const p of run.net.parameters()) seen.set(`${label} ${p.name}`, [...run.value(p.name)]);
    };
    const changes: readonly (() => unknown)[] = [
      () => run.net.freeze("bn"),
      () => run.net.freeze("a"),
      () => run.net.unfreeze("bn"),
      () => run.net.unfreeze(),
      () => run.net.freeze("b"),
    ];
    for (const [i, change] of changes.entries()) {
      for (const [x, y] of recorded.data.slice(0, 3)) await run.step(x, y);
      look(`before ${i}`);
      change();
    }
    for (const [x, y] of recorded.data) await run.step(x, y);
    look("last");
    return seen;
  };
  const want = await journey("dynamic");
  for (const mode of ["compiled", "static"] as const)
    for (const [name, values] of await journey(mode))
      expect(excess(values, want.get(name)!, 1e-5, 2e-6), `${mode} ${name}`).toBeLessThanOrEqual(0);
});

describe("the Program of a frozen part", () => {
  test.each(["trainable", "stop", "freeze"] as const)(
    "%s: no gradients, no state, no operators for it",
    async (how) => {
      const { program, net } = await start("static", normSetup(how));
      // The back alone has the same backward and update operators.
      const back: Setup<nn.Linear> = {
        make: () => new nn.Linear(5, 3),
        loss: (layer, x, y) => meanSquare(layer(x), y),
        optimizer: optimizers["Momentum"]!,
        inputs: [[5], [3]],
      };
      const alone = (await start("static", back)).program!;
      const names = [...net.a.parameters(), ...net.bn.parameters()].map((p) => p.name);
      expect(program!.globalBlock().hasVar("linear_1.w_0@GRAD")).toBe(true);
      for (const name of names) {
        expect(program!.globalBlock().hasVar(`${name}@GRAD`)).toBe(false);
        expect(program!.globalBlock().hasVar(`${name}_velocity_0`)).toBe(false);
      }
      const appended = (p: typeof alone): string[] =>
        p.globalBlock().ops.flatMap((op) => (p.trace.roles.get(op) === "forward" ? [] : [op.record.name]));
      expect(appended(program!)).toEqual(appended(alone));
      expect(appended((await start("static", normSetup("none"))).program!).length).toBeGreaterThan(
        appended(alone).length,
      );
    },
  );

  test("a rate of 0: no update; its gradient only where clipping counts it", async () => {
    const { program } = await start("static", normSetup("rate"));
    expect(program!.globalBlock().ops.filter((op) => op.record.name === "momentum_").length).toBe(2);
  });
});

describe.each(modes)("parts that are frozen at first, %s", (mode) => {
  test("train once they are thawed, as if the Program had always been so", async () => {
    const run = await start(mode, normSetup("trainable"));
    for (const [x, y] of recorded.data) await run.step(x, y);
    const before = front(run);
    setAll(run.net, "trainable", true);
    await run.step(...recorded.data[0]!);
    for (const [name, bytes] of before) expect(new Uint8Array(run.value(name).slice().buffer), name).not.toEqual(bytes);
    expect(run.stateNames()).toContain("linear_0.w_0_velocity_0");
  });
});
