// Loss layers of unaligned sequences: CTC and the transducer's.

import { checkOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import { ctcLoss, type CtcLossOptions, rnntLoss, type RnntLossOptions } from "../functional/loss-sequence.js";
import { LossLayer, lossOptions, type Named } from "./loss.js";

/** What {@link CTCLoss} takes when it is called. */
export interface CtcCallOptions {
  /** Divide gradients by the number of steps. Default false. */
  readonly normByTimes?: boolean | undefined;
}

/** {@link ctcLoss} as a layer. */
export class CTCLoss extends LossLayer<Omit<CtcLossOptions, "normByTimes">> {
  constructor(...rest: Trailing<number, Omit<CtcLossOptions, "normByTimes">>) {
    super(
      new.target === CTCLoss ? "ctc_loss" : null,
      lossOptions("CTCLoss", rest, ["blank", "reduction", "zeroInfinity"]),
    );
  }

  override forward(
    logProbs: Tensor,
    labels: Tensor,
    inputLengths: Tensor,
    labelLengths: Tensor,
    options?: CtcCallOptions,
  ): Tensor {
    const { normByTimes } = checkOptions<CtcCallOptions>("CTCLoss", options, ["normByTimes"]);
    return ctcLoss(logProbs, labels, inputLengths, labelLengths, { ...this.options, normByTimes });
  }
}

/** {@link rnntLoss} as a layer. */
export class RNNTLoss extends LossLayer<RnntLossOptions> {
  constructor(...rest: Trailing<number, RnntLossOptions & Named>) {
    super(
      new.target === RNNTLoss ? "rnnt_loss" : null,
      lossOptions("RNNTLoss", rest, ["blank", "fastemitLambda", "reduction"]),
    );
  }

  override forward(input: Tensor, label: Tensor, inputLengths: Tensor, labelLengths: Tensor): Tensor {
    return rnntLoss(input, label, inputLengths, labelLengths, this.options);
  }
}
