// Spectral norm of a weight, and the hierarchical sigmoid loss: layers with state beside a function.

import { InvalidArgumentError } from "../../core/errors.js";
import type { DType } from "../../core/dtype.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, type Shape, sizeOf } from "../../core/shape.js";
import { add, divide } from "../../ops/arithmetic.js";
import { matmul } from "../../ops/matmul.js";
import { moveAxis } from "../../ops/movement.js";
import { pNorm } from "../../ops/p-norm.js";
import { reshape } from "../../ops/views.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import { withGrad } from "../../trace/tape.js";
import { hsigmoidLoss } from "../functional/loss-tree.js";
import { Normal } from "../initializer/normal.js";
import { Layer } from "../layer.js";

/** Options of {@link SpectralNorm}. */
export interface SpectralNormOptions {
  /** The axis of rows; all others are columns. Default 0. */
  readonly dim?: number | undefined;
  /** Steps of the power method. Default 1. */
  readonly powerIters?: number | undefined;
  /** Added to lengths. Default 1e-12. */
  readonly eps?: number | undefined;
  /** Default float32. */
  readonly dtype?: DType | undefined;
}

/**
 * Divides a weight by its largest singular value, estimated by the power method from two kept vectors (Miyato et al. 2018). As in
 * Paddle the vectors themselves do not change.
 *
 * @throws InvalidArgumentError for a shape with an extent 0, for a dim that it has not.
 */
export class SpectralNorm extends Layer {
  readonly dim: number;
  readonly powerIters: number;
  readonly eps: number;
  weightU: Parameter;
  weightV: Parameter;

  constructor(weightShape: Shape, ...rest: Trailing<number, SpectralNormOptions>) {
    const o = splitOptions<SpectralNormOptions>("SpectralNorm", rest, ["dim", "powerIters", "eps", "dtype"]);
    super(new.target === SpectralNorm ? "spectral_norm" : null, o.dtype);
    this.dim = o.dim ?? 0;
    this.powerIters = o.powerIters ?? 1;
    this.eps = o.eps ?? 1e-12;
    const rows = weightShape[this.dim];
    if (!rows || sizeOf(weightShape) === 0)
      throw new InvalidArgumentError(
        `dim ${this.dim} must be an axis of ${formatShape(weightShape)}, none of them 0.`,
        {
          op: "SpectralNorm",
        },
      );
    const vector = (n: number): Parameter => {
      const made = this.requireParameter([n], { defaultInitializer: new Normal(0, 1) });
      made.stopGradient = true;
      return made;
    };
    this.weightU = vector(rows);
    this.weightV = vector(sizeOf(weightShape) / rows);
  }

  protected override stateKey(field: string): string {
    return field === "weightU" ? "weight_u" : field === "weightV" ? "weight_v" : super.stateKey(field);
  }

  override forward(x: Tensor): Tensor {
    const matrix = reshape(moveAxis(x, this.dim, 0), [x.shape[this.dim]!, -1]);
    const [u, v] = withGrad(false, () => this.#iterated(matrix));
    const sigma = reshape(matmul(matmul(u, matrix, true, false), v), []);
    return divide(x, sigma);
  }

  /** The vectors after the power method's steps, as columns. */
  #iterated(matrix: Tensor): [u: Tensor, v: Tensor] {
    let u: Tensor = reshape<Tensor>(this.weightU, [-1, 1]);
    let v: Tensor = reshape<Tensor>(this.weightV, [-1, 1]);
    const unit = (x: Tensor): Tensor => divide(x, add(pNorm(x, 2, [0, 1], true), this.eps));
    for (let i = 0; i < this.powerIters; i++) {
      v = unit(matmul(matrix, u, true, false));
      u = unit(matmul(matrix, v));
    }
    return [u, v];
  }
}

/** Options of {@link HSigmoidLoss}. */
export interface HSigmoidLossLayerOptions {
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** False: no bias. */
  readonly biasAttr?: AttrLike;
  /** The tree comes with each call; then numClasses is its number of inner nodes. Default false. */
  readonly isCustom?: boolean | undefined;
  /** Paddle's wish for a gradient of rows only; the gradient is dense. */
  readonly isSparse?: boolean | undefined;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

/** {@link hsigmoidLoss} with weight `[numClasses - 1, featureSize]` and bias `[numClasses - 1, 1]`. */
export class HSigmoidLoss extends Layer {
  readonly numClasses: number;
  readonly isCustom: boolean;
  weight: Parameter;
  bias: Parameter | null;

  constructor(featureSize: number, numClasses: number, ...rest: Trailing<AttrLike, HSigmoidLossLayerOptions>) {
    super(new.target === HSigmoidLoss ? "h_sigmoid_loss" : null);
    const keys = ["weightAttr", "biasAttr", "isCustom", "isSparse", "name", "paramAttr"] as const;
    const o = splitOptions<HSigmoidLossLayerOptions>("HSigmoidLoss", rest, keys);
    this.isCustom = o.isCustom ?? false;
    if (numClasses < 2 && !this.isCustom)
      throw new InvalidArgumentError(`numClasses must be at least 2, got ${numClasses}.`, { op: "HSigmoidLoss" });
    this.numClasses = numClasses;
    const nodes = this.isCustom ? numClasses : numClasses - 1;
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, "HSigmoidLoss");
    this.weight = this.requireParameter([nodes, featureSize], { attr });
    this.bias = this.createParameter([nodes, 1], { attr: o.biasAttr, isBias: true });
  }

  override forward(input: Tensor, label: Tensor, pathTable?: Tensor | null, pathCode?: Tensor | null): Tensor {
    return hsigmoidLoss(input, label, this.numClasses, this.weight, { bias: this.bias, pathTable, pathCode });
  }
}
