// Golden: random ops and initializers in static Programs, with and without random_seed, against Paddle 3.3.1.

import type { Tensor } from "oarjs";
import * as oar from "oarjs";
import * as paddleStatic from "oarjs/static";
import { afterEach, describe, expect, test } from "vitest";
import { fixtureArrays } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { initializerOf } from "./initializer-of.js";

interface Run {
  readonly paddle_seed: number;
  readonly startup_random_seed: number;
  readonly main_random_seed: number;
  readonly runs: readonly (readonly (readonly number[])[])[];
}
interface Case {
  readonly id: string;
  readonly initializer: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly shape: readonly number[];
  readonly seed: number;
  readonly error?: string;
}

const { nn } = oar;
const { static: recorded } = fixtureJson<{ static: { cases: Run[] } }>("random/manifest.json");
const initial = fixtureJson<{ cases: Case[] }>("initializers/manifest_static_3.3.1.json").cases.filter((c) => !c.error);
const arrays = fixtureArrays("initializers/static_3.3.1.npz");
const numbers = (a: unknown): number[] => Array.from((a as { data: ArrayLike<number> }).data, Number);

/** Builds into fresh Programs with seeds; gives them with what `build` made. */
function built<R>(mainSeed: number, startupSeed: number, build: () => R extends PromiseLike<unknown> ? never : R) {
  const [main, startup] = [new paddleStatic.Program(), new paddleStatic.Program()];
  main.randomSeed = mainSeed;
  startup.randomSeed = startupSeed;
  return { main, startup, made: paddleStatic.programGuard(main, startup, build) };
}

afterEach(() => paddleStatic.disableStatic());

describe("random ops in Programs", () => {
  const name = (c: Run) => `seed ${c.paddle_seed}, startup ${c.startup_random_seed}, main ${c.main_random_seed}`;
  test.each(recorded.cases.map((c) => [name(c), c] as const))("%s", async (_, c) => {
    paddleStatic.enableStatic();
    oar.seed(c.paddle_seed);
    const { main, startup, made } = built(c.main_random_seed, c.startup_random_seed, () => {
      const x = oar.ones([4, 3]) as Tensor;
      const [first, second] = [new nn.Linear(3, 2), new nn.Linear(3, 2, { weightAttr: new nn.initializer.Normal() })];
      const y = nn.functional.dropout(x, 0.5);
      const z = oar.rand([3]);
      const w = nn.functional.dropout(x, 0.5);
      return [first.weight, second.weight, y, z, w, oar.uniform([2], { min: 0, max: 1, seed: 7 })];
    });
    const scope = new paddleStatic.Scope();
    const exe = new paddleStatic.Executor();
    await exe.run(startup, { scope });
    for (const run of c.runs) {
      const got = await exe.run(main, { fetchList: made, scope });
      expect(got.map(numbers)).toEqual(run);
    }
  });
});

describe("initializers in startup Programs", () => {
  test.each(initial.map((c) => [c.id, c] as const))("%s", async (id, c) => {
    paddleStatic.enableStatic();
    oar.seed(0);
    const { startup, main, made } = built(c.seed, c.seed, () =>
      ["first", "second"].map(
        (name) =>
          oar.createParameter([...c.shape], "float32", {
            name,
            defaultInitializer: initializerOf(c.initializer, c.args),
          })!,
      ),
    );
    const scope = new paddleStatic.Scope();
    const exe = new paddleStatic.Executor();
    await exe.run(startup, { scope });
    const values = (await exe.run(main, { fetchList: made, scope })).map(numbers);
    await exe.run(startup, { scope });
    const again = (await exe.run(main, { fetchList: made, scope })).map(numbers)[0]!;
    const want = ["first", "second", "first_after_second_run"].map((n) =>
      Array.from(arrays.get(`${id}/${n}`)!.data, Number),
    );
    [...values, again].forEach((got, i) =>
      c.initializer === "Orthogonal"
        ? got.forEach((v, j) => expect(Math.abs(v - want[i]![j]!)).toBeLessThan(2e-6))
        : expect(got).toEqual(want[i]),
    );
  });
});
