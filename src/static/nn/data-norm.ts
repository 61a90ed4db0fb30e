// static.nn.dataNorm: normalisation by running sums whose "gradients" are the batch's own sums.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { Constant } from "../../nn/initializer/constant.js";
import { ParamAttr } from "../../param/param-attr.js";
import { uniqueName } from "../../param/unique-name.js";
import { add, divide, multiply, onesLike, sqrt, square, subtract, sum } from "../../tensor/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import { recordCustom, withGrad } from "../../trace/tape.js";
import { type Activation, LayerHelper, requireTensor } from "../helper.js";
import { programOf } from "../owners.js";

/** Options of {@link dataNorm}. */
export interface DataNormOptions {
  readonly act?: Activation;
  /** Added to the sum of squares for each sample. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** First values of the sums. Default `{ batchSize: 1e4, batchSum: 0, batchSquare: 1e4 }`. */
  readonly paramAttr?:
    | {
        readonly batchSize?: number | undefined;
        readonly batchSum?: number | undefined;
        readonly batchSquare?: number | undefined;
      }
    | null
    | undefined;
  /** Stands in the names of the sums: `NAME.batch_size`. Default "dn". */
  readonly name?: string | null | undefined;
  /** Adds a scale `NAME.scale_w` (1) and a shift `NAME.bias` (0). Default false. */
  readonly enableScaleAndShift?: boolean | undefined;
}

/**
 * `(x - batch_sum / batch_size) √(batch_size / batch_square_sum)` of each feature. The three sums are parameters whose gradient, as in
 * Paddle, is what the batch adds to them: its size, its sum, its sum of squared distances.
 *
 * @param input `[batch, features]`
 * @throws InvalidArgumentError for another rank.
 */
export function dataNorm(input: Tensor, ...rest: Trailing<Activation, DataNormOptions>): Tensor {
  const op = "static.nn.dataNorm";
  const keys = ["act", "epsilon", "paramAttr", "name", "enableScaleAndShift"] as const;
  const o = splitOptions<DataNormOptions>(op, rest, keys);
  requireTensor(input, op);
  if (input.ndim !== 2)
    throw new InvalidArgumentError(`needs [batch, features], got ${formatShape(input.shape)}.`, { op });
  const helper = new LayerHelper(op, "data_norm", null);
  const name = o.name ?? "dn";
  const part = (suffix: string, value: number): Tensor =>
    helper.required([input.shape[1]!], input.dtype, {
      attr: new ParamAttr({ name: `${name}.${suffix}`, initializer: new Constant(value) }),
    });
  const size = part("batch_size", o.paramAttr?.batchSize ?? 1e4);
  const total = part("batch_sum", o.paramAttr?.batchSum ?? 0);
  const squares = part("batch_square_sum", o.paramAttr?.batchSquare ?? 1e4);
  const y = normalized(input, size, total, squares, o.epsilon ?? 1e-5);
  const scaled = o.enableScaleAndShift ? add(multiply(y, part("scale_w", 1)), part("bias", 0)) : y;
  return helper.activated(programOf(scaled, op).rename(scaled, uniqueName.generate("_generated_var")), o.act);
}

function normalized(x: Tensor, size: Tensor, total: Tensor, squares: Tensor, epsilon: number): Tensor {
  const statistics = (): [mean: Tensor, scale: Tensor] => [divide(total, size), sqrt(divide(size, squares))];
  const y = withGrad(false, () => {
    const [mean, scale] = statistics();
    return multiply(subtract(x, mean), scale);
  });
  recordCustom("data_norm", [x, size, total, squares], [y], ([dy]) => {
    const [mean, scale] = statistics();
    const count = sum(onesLike(x), 0);
    const spread = add(sum(square(subtract(x, mean)), 0), multiply(count, epsilon));
    return [dy ? multiply(dy as Tensor, scale) : null, count, sum(x, 0), spread];
  });
  return y;
}
