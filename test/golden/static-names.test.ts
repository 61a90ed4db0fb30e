// Golden: names, shapes and flags of what static helpers make, as Paddle 2.6.2 gives them, in one process in the recorded order.

import { createParameter, disableStatic, enableStatic, ParamAttr, static as static_, type Tensor, utils } from "oarjs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fixtureJson } from "./fixtures-node.js";

interface Entry {
  readonly call: string;
  readonly output: string;
  readonly outputShape: readonly number[];
  readonly params: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly stopGradient: boolean;
    readonly trainable: boolean;
  }[];
}

const recorded = fixtureJson<{
  readonly helpers: readonly Entry[];
  readonly allParameters: readonly string[];
}>("regularizer-clip-names/names_static_2.6.2.json");

beforeEach(enableStatic);
afterEach(disableStatic);

const { nn } = static_;

/** The recorded calls in TypeScript. */
function calls(): Record<string, () => Tensor> {
  const x = static_.data("x", [null, 4]);
  const img = static_.data("img", [2, 4, 8, 8]);
  const vol = static_.data("vol", [1, 2, 4, 4, 4]);
  const ids = static_.data("ids", [2, 3], "int64");
  const rc = static_.data("rc", [2, 4, 3]);
  return {
    "fc(x, 2)": () => nn.fc(x, 2),
    "fc(x, 3, activation='relu')": () => nn.fc(x, 3, { activation: "relu" }),
    "fc([x, x], 3)": () => nn.fc([x, x], 3),
    "fc(x, 3, name='my_fc', weight_attr=ParamAttr(name='fc_weight'))": () =>
      nn.fc(x, 3, { name: "my_fc", weightAttr: new ParamAttr({ name: "fc_weight" }) }),
    "fc(x, 3, bias_attr=False)": () => nn.fc(x, 3, { biasAttr: false }),
    "fc(img, 3, num_flatten_dims=2)": () => nn.fc(img, 3, { numFlattenDims: 2 }),
    "embedding(ids, [5, 2])": () => nn.embedding(ids, [5, 2]),
    "embedding(ids, [5, 2], padding_idx=0, param_attr='emb')": () =>
      nn.embedding(ids, [5, 2], { paddingIdx: 0, paramAttr: "emb" }),
    "conv2d(img, 4, 3)": () => nn.conv2d(img, 4, 3),
    "conv2d(img, 4, 3, act='relu', bias_attr=False)": () => nn.conv2d(img, 4, 3, { act: "relu", biasAttr: false }),
    "conv2d(img, 4, 3, groups=4, use_cudnn=False)": () => nn.conv2d(img, 4, 3, { groups: 4, useCudnn: false }),
    "conv2d(img, 4, 3, groups=2)": () => nn.conv2d(img, 4, 3, { groups: 2 }),
    "conv3d(vol, 2, 2)": () => nn.conv3d(vol, 2, 2),
    "conv2d_transpose(img, 2, filter_size=2)": () => nn.conv2dTranspose(img, 2, { filterSize: 2 }),
    "conv3d_transpose(vol, 2, filter_size=2)": () => nn.conv3dTranspose(vol, 2, { filterSize: 2 }),
    "batch_norm(img)": () => nn.batchNorm(img),
    "batch_norm(img, moving_mean_name='mm', moving_variance_name='mv')": () =>
      nn.batchNorm(img, { movingMeanName: "mm", movingVarianceName: "mv" }),
    "batch_norm(img, name='bn')": () => nn.batchNorm(img, { name: "bn" }),
    "layer_norm(x)": () => nn.layerNorm(x),
    "layer_norm(img, begin_norm_axis=2, shift=False)": () => nn.layerNorm(img, { beginNormAxis: 2, shift: false }),
    "group_norm(img, 2)": () => nn.groupNorm(img, 2),
    "instance_norm(img)": () => nn.instanceNorm(img),
    "instance_norm(img, param_attr=ParamAttr(), bias_attr=ParamAttr())": () =>
      nn.instanceNorm(img, { paramAttr: new ParamAttr(), biasAttr: new ParamAttr() }),
    "prelu(img, 'all')": () => nn.prelu(img, "all"),
    "prelu(img, 'channel')": () => nn.prelu(img, "channel"),
    "prelu(img, 'element')": () => nn.prelu(img, "element"),
    "bilinear_tensor_product(x, x, 3)": () => nn.bilinearTensorProduct(x, x, 3),
    "row_conv(rc, 2)": () => nn.rowConv(rc, 2),
    "data_norm(x)": () => nn.dataNorm(x),
    "create_parameter([2, 3], 'float32')": () => createParameter([2, 3], "float32")!,
    "create_parameter([2], 'float32', is_bias=True)": () => createParameter([2], "float32", { isBias: true })!,
    "create_parameter([2], 'float32', name='pp')": () => createParameter([2], "float32", { name: "pp" })!,
    "create_global_var([1], 0., 'float32', persistable=True)": () =>
      static_.createGlobalVar([1], 0, "float32", { persistable: true }),
    "fc(x, 2, weight_attr=WeightNormParamAttr(dim=1))": () =>
      nn.fc(x, 2, { weightAttr: new static_.WeightNormParamAttr({ dim: 1 }) }),
  };
}

/** nce is not built in; outputs named `_generated_var_N` count what Paddle's helpers made in between. */
const skipped = (e: Entry): boolean => e.call.startsWith("nce(");

test("static helpers in the recorded order", () => {
  const main = new static_.Program();
  const got: Entry[] = [];
  utils.uniqueName.guard(() =>
    static_.programGuard(main, new static_.Program(), () => {
      const byCall = calls();
      for (const e of recorded.helpers) {
        if (skipped(e)) continue;
        const before = new Set(main.allParameters().map((p) => p.name));
        const y = byCall[e.call]!();
        got.push({
          call: e.call,
          output: y.name!,
          outputShape: y.shape.map((n) => (n > 1000 ? -1 : n)),
          params: main
            .allParameters()
            .filter((p) => !before.has(p.name))
            .map((p) => ({
              name: p.name,
              shape: [...p.shape],
              stopGradient: p.stopGradient,
              trainable: p.trainable,
            })),
        });
      }
    }),
  );
  const anonymous = (e: Entry): Entry =>
    e.output.startsWith("_generated_var") ? { ...e, output: "_generated_var" } : e;
  expect(got.map(anonymous)).toEqual(recorded.helpers.filter((e) => !skipped(e)).map(anonymous));
  expect(main.allParameters().map((p) => p.name)).toEqual(recorded.allParameters.filter((n) => !n.startsWith("nce")));
});
