// Loss layers of margins and distances: each keeps its options and calls the function of its name.

import type { Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Reduction, ReductionOptions } from "../functional/checks.js";
import {
  cosineEmbeddingLoss,
  hingeEmbeddingLoss,
  marginRankingLoss,
  type MarginOptions,
  multiLabelMarginLoss,
  multiLabelSoftMarginLoss,
  multiMarginLoss,
  type MultiMarginLossOptions,
  tripletMarginLoss,
  type TripletMarginLossOptions,
  tripletMarginWithDistanceLoss,
  type TripletMarginWithDistanceLossOptions,
  type WeightedReductionOptions,
} from "../functional/loss-margin.js";
import { LossLayer, lossOptions, type Named } from "./loss.js";

/** {@link marginRankingLoss} as a layer. */
export class MarginRankingLoss extends LossLayer<MarginOptions> {
  constructor(...rest: Trailing<number, MarginOptions & Named>) {
    super(
      new.target === MarginRankingLoss ? "margin_ranking_loss" : null,
      lossOptions("MarginRankingLoss", rest, ["margin", "reduction"]),
    );
  }

  override forward(input: Tensor, other: Tensor, label: Tensor): Tensor {
    return marginRankingLoss(input, other, label, this.options);
  }
}

/** {@link hingeEmbeddingLoss} as a layer. */
export class HingeEmbeddingLoss extends LossLayer<MarginOptions> {
  constructor(...rest: Trailing<number, MarginOptions & Named>) {
    super(
      new.target === HingeEmbeddingLoss ? "hinge_embedding_loss" : null,
      lossOptions("HingeEmbeddingLoss", rest, ["margin", "reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return hingeEmbeddingLoss(input, label, this.options);
  }
}

/** {@link cosineEmbeddingLoss} as a layer. */
export class CosineEmbeddingLoss extends LossLayer<MarginOptions> {
  constructor(...rest: Trailing<number, MarginOptions & Named>) {
    super(
      new.target === CosineEmbeddingLoss ? "cosine_embedding_loss" : null,
      lossOptions("CosineEmbeddingLoss", rest, ["margin", "reduction"]),
    );
  }

  override forward(input1: Tensor, input2: Tensor, label: Tensor): Tensor {
    return cosineEmbeddingLoss(input1, input2, label, this.options);
  }
}

/** {@link tripletMarginLoss} as a layer. */
export class TripletMarginLoss extends LossLayer<TripletMarginLossOptions> {
  constructor(...rest: Trailing<number, TripletMarginLossOptions & Named>) {
    super(
      new.target === TripletMarginLoss ? "triplet_margin_loss" : null,
      lossOptions("TripletMarginLoss", rest, ["margin", "p", "epsilon", "swap", "reduction"]),
    );
  }

  override forward(input: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginLoss(input, positive, negative, this.options);
  }
}

/** {@link tripletMarginWithDistanceLoss} as a layer. */
export class TripletMarginWithDistanceLoss extends LossLayer<TripletMarginWithDistanceLossOptions> {
  constructor(
    ...rest: Trailing<((x: Tensor, y: Tensor) => Tensor) | null, TripletMarginWithDistanceLossOptions & Named>
  ) {
    super(
      new.target === TripletMarginWithDistanceLoss ? "triplet_margin_with_distance_loss" : null,
      lossOptions("TripletMarginWithDistanceLoss", rest, ["distanceFunction", "margin", "swap", "reduction"]),
    );
  }

  override forward(input: Tensor, positive: Tensor, negative: Tensor): Tensor {
    return tripletMarginWithDistanceLoss(input, positive, negative, this.options);
  }
}

/** {@link multiMarginLoss} as a layer. */
export class MultiMarginLoss extends LossLayer<MultiMarginLossOptions> {
  constructor(...rest: Trailing<number, MultiMarginLossOptions & Named>) {
    super(
      new.target === MultiMarginLoss ? "multi_margin_loss" : null,
      lossOptions("MultiMarginLoss", rest, ["p", "margin", "weight", "reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return multiMarginLoss(input, label, this.options);
  }
}

/** {@link multiLabelMarginLoss} as a layer. */
export class MultiLabelMarginLoss extends LossLayer<ReductionOptions> {
  constructor(...rest: Trailing<Reduction, ReductionOptions & Named>) {
    super(
      new.target === MultiLabelMarginLoss ? "multi_label_margin_loss" : null,
      lossOptions("MultiLabelMarginLoss", rest, ["reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return multiLabelMarginLoss(input, label, this.options);
  }
}

/** {@link multiLabelSoftMarginLoss} as a layer. */
export class MultiLabelSoftMarginLoss extends LossLayer<WeightedReductionOptions> {
  constructor(...rest: Trailing<Tensor | null, WeightedReductionOptions & Named>) {
    super(
      new.target === MultiLabelSoftMarginLoss ? "multi_label_soft_margin_loss" : null,
      lossOptions("MultiLabelSoftMarginLoss", rest, ["weight", "reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor): Tensor {
    return multiLabelSoftMarginLoss(input, label, this.options);
  }
}
