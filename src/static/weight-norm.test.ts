// WeightNormParamAttr in each helper of static.nn: the two parameters, the first weight, and where it is refused.

import { afterAll, beforeAll, expect, test } from "vitest";
import { createParameter } from "../nn/create-parameter.js";
import { Assign } from "../nn/initializer/assign.js";
import { Linear } from "../nn/layers/linear.js";
import type { AttrLike } from "../param/param-attr.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";
import * as static_ from "./index.js";

const { data, nn, Program, programGuard, WeightNormParamAttr } = static_;

beforeAll(() => static_.enableStatic());
afterAll(() => static_.disableStatic());

const counted = (...shape: number[]): { dtype: "float32"; shape: number[]; data: Float32Array } => ({
  dtype: "float32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.cos(i)),
});

const cases: [string, number[], (attr: AttrLike) => Tensor][] = [
  ["fc", [4, 3], (attr) => nn.fc(data("x", [-1, 4]), 3, { weightAttr: attr, biasAttr: false })],
  ["conv2d", [3, 2, 3, 3], (attr) => nn.conv2d(data("x", [-1, 2, 5, 5]), 3, 3, { paramAttr: attr, biasAttr: false })],
  ["embedding", [6, 3], (attr) => nn.embedding(data("ids", [-1], "int64"), [6, 3], { paramAttr: attr })],
  ["rowConv", [3, 4], (attr) => nn.rowConv(data("x", [-1, 5, 4]), 2, { paramAttr: attr })],
];

test.each(cases)(
  "static.nn.%s makes its weight of a length and a direction, and gives at first what it gives without",
  async (_, shape, make) => {
    const initializer = new Assign(counted(...shape));
    const feeds = {
      x: { ...counted(...(shape.length === 4 ? [2, 2, 5, 5] : shape[0] === 3 ? [2, 5, 4] : [2, 4])) },
      ids: [5, 0],
    };
    const run = async (attr: AttrLike): Promise<[names: string[], values: number[]]> => {
      const [main, startup] = [new Program(), new Program()];
      const y = uniqueName.guard(() => programGuard(main, startup, () => make(attr)));
      const scope = new static_.Scope();
      const exe = new static_.Executor();
      await exe.run(startup, { scope });
      const name = main.globalBlock().hasVar("ids") ? "ids" : "x";
      const [out] = await exe.run(main, { feed: { [name]: feeds[name] }, fetchList: y, scope });
      return [main.allParameters().map((p) => `${p.name} ${p.shape.join("x")}`), Array.from(out!.data, Number)];
    };
    const [names, values] = await run(new WeightNormParamAttr({ dim: 1, name: "w", initializer }));
    const length = shape.map((n, a) => (a === 1 ? n : 1)).join("x");
    expect(names).toEqual([`w_g ${length}`, `w_v ${shape.join("x")}`]);
    const [, plain] = await run({ name: "w", initializer });
    values.forEach((v, i) => expect(Math.abs(v - plain[i]!)).toBeLessThan(1e-6 + 1e-5 * Math.abs(plain[i]!)));
  },
);

test("layers and createParameter refuse what is no single parameter; helpers refuse an empty name", () => {
  programGuard(new Program(), new Program(), () => {
    const attr = new WeightNormParamAttr({ dim: 0 });
    expect(() => new Linear(2, 3, { weightAttr: attr })).toThrow(/is for the helpers of static\.nn/);
    expect(() => createParameter([2], "float32", { attr })).toThrow(/is for the helpers of static\.nn/);
    expect(() => nn.fc(data("x", [-1, 2]), 3, { weightAttr: "" })).toThrow(/must not be empty/);
    expect(createParameter([2], "float32", "by_name")?.name).toBe("by_name");
  });
});
