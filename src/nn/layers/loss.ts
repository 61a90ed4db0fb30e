// Loss layers of likelihoods and single elements: each keeps its options and calls the function of its name.

import { splitOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Reduction, ReductionOptions } from "../functional/checks.js";
import { crossEntropy, type CrossEntropyOptions, nllLoss, type NllLossOptions } from "../functional/cross-entropy.js";
import {
  binaryCrossEntropy,
  type BinaryCrossEntropyOptions,
  binaryCrossEntropyWithLogits,
  gaussianNllLoss,
  type GaussianNllLossOptions,
  klDiv,
  type KlDivOptions,
  l1Loss,
  type LogitsOptions,
  mseLoss,
  poissonNllLoss,
  type PoissonNllLossOptions,
  smoothL1Loss,
  type SmoothL1LossOptions,
  softMarginLoss,
} from "../functional/loss.js";
import { Layer } from "../layer.js";

/** A name, accepted for Paddle's sake; it names nothing. */
export interface Named {
  readonly name?: string | null | undefined;
}

/** The options of a loss layer without its name. */
export function lossOptions<O extends object>(
  api: string,
  rest: readonly unknown[],
  keys: readonly (keyof O & string)[],
): O {
  const { name: _, ...options } = splitOptions<O & Named>(api, rest, [...keys, "name"]);
  return options as object as O;
}

/** A layer that keeps the options of a function. */
export class LossLayer<O extends object> extends Layer {
  /** What the function is called with. */
  readonly options: O;

  constructor(scope: string | null, options: O) {
    super(scope);
    this.options = options;
  }
}

/**
 * {@link crossEntropy} as a layer.
 *
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * const loss = new nn.CrossEntropyLoss();
 * console.log(await loss(toTensor([[0, 0]]), toTensor([0], { dtype: "int64" })).item()); // 0.6931471824645996
 * ```
 */
export class CrossEntropyLoss extends LossLayer<CrossEntropyOptions> {
  constructor(...rest: Trailing<Tensor | null, CrossEntropyOptions & Named>) {
    const keys = ["weight", "ignoreIndex", "reduction", "softLabel", "axis", "useSoftmax", "labelSmoothing"] as const;
    super(new.target === CrossEntropyLoss ? "cross_entropy_loss" : null, lossOptions("CrossEntropyLoss", rest, keys));
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return crossEntropy(input, label, this.options);
  }
}

/** {@link nllLoss} as a layer. */
export class NLLLoss extends LossLayer<NllLossOptions> {
  constructor(...rest: Trailing<Tensor | null, NllLossOptions & Named>) {
    super(
      new.target === NLLLoss ? "nll_loss" : null,
      lossOptions("NLLLoss", rest, ["weight", "ignoreIndex", "reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return nllLoss(input, label, this.options);
  }
}

/** {@link mseLoss} as a layer. */
export class MSELoss extends LossLayer<ReductionOptions> {
  constructor(...rest: Trailing<Reduction, ReductionOptions & Named>) {
    super(new.target === MSELoss ? "mse_loss" : null, lossOptions("MSELoss", rest, ["reduction"]));
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return mseLoss(input, label, this.options);
  }
}

/** {@link l1Loss} as a layer. */
export class L1Loss extends LossLayer<ReductionOptions> {
  constructor(...rest: Trailing<Reduction, ReductionOptions & Named>) {
    super(new.target === L1Loss ? "l1_loss" : null, lossOptions("L1Loss", rest, ["reduction"]));
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return l1Loss(input, label, this.options);
  }
}

/** {@link smoothL1Loss} as a layer. */
export class SmoothL1Loss extends LossLayer<SmoothL1LossOptions> {
  constructor(...rest: Trailing<Reduction, SmoothL1LossOptions & Named>) {
    super(
      new.target === SmoothL1Loss ? "smooth_l1_loss" : null,
      lossOptions("SmoothL1Loss", rest, ["reduction", "delta", "isHuber"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return smoothL1Loss(input, label, this.options);
  }
}

/** {@link binaryCrossEntropy} as a layer. */
export class BCELoss extends LossLayer<BinaryCrossEntropyOptions> {
  constructor(...rest: Trailing<Tensor | null, BinaryCrossEntropyOptions & Named>) {
    super(new.target === BCELoss ? "bce_loss" : null, lossOptions("BCELoss", rest, ["weight", "reduction"]));
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return binaryCrossEntropy(input, label, this.options);
  }
}

/** {@link binaryCrossEntropyWithLogits} as a layer. */
export class BCEWithLogitsLoss extends LossLayer<LogitsOptions> {
  constructor(...rest: Trailing<Tensor | null, LogitsOptions & Named>) {
    super(
      new.target === BCEWithLogitsLoss ? "bce_with_logits_loss" : null,
      lossOptions("BCEWithLogitsLoss", rest, ["weight", "reduction", "posWeight"]),
    );
  }

  override forward(logit: Tensor, label: Tensor): Tensor {
    return binaryCrossEntropyWithLogits(logit, label, this.options);
  }
}

/** {@link klDiv} as a layer. */
export class KLDivLoss extends LossLayer<KlDivOptions> {
  constructor(...rest: Trailing<Reduction | "batchmean", KlDivOptions & Named>) {
    super(new.target === KLDivLoss ? "kl_div_loss" : null, lossOptions("KLDivLoss", rest, ["reduction", "logTarget"]));
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return klDiv(input, label, this.options);
  }
}

/** {@link poissonNllLoss} as a layer. */
export class PoissonNLLLoss extends LossLayer<PoissonNllLossOptions> {
  constructor(...rest: Trailing<boolean, PoissonNllLossOptions & Named>) {
    super(
      new.target === PoissonNLLLoss ? "poisson_nll_loss" : null,
      lossOptions("PoissonNLLLoss", rest, ["logInput", "full", "epsilon", "reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return poissonNllLoss(input, label, this.options);
  }
}

/** {@link gaussianNllLoss} as a layer. */
export class GaussianNLLLoss extends LossLayer<GaussianNllLossOptions> {
  constructor(...rest: Trailing<boolean, GaussianNllLossOptions & Named>) {
    super(
      new.target === GaussianNLLLoss ? "gaussian_nll_loss" : null,
      lossOptions("GaussianNLLLoss", rest, ["full", "epsilon", "reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor, variance: Tensor): Tensor {
    return gaussianNllLoss(input, label, variance, this.options);
  }
}

/** {@link softMarginLoss} as a layer. */
export class SoftMarginLoss extends LossLayer<ReductionOptions> {
  constructor(...rest: Trailing<Reduction, ReductionOptions & Named>) {
    super(
      new.target === SoftMarginLoss ? "soft_margin_loss" : null,
      lossOptions("SoftMarginLoss", rest, ["reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return softMarginLoss(input, label, this.options);
  }
}
