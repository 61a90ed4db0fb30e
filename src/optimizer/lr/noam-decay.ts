// NoamDecay: linear warm-up, then decay by the inverse square root, from "Attention Is All You Need".

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link NoamDecay}. */
export interface NoamDecayOptions extends CommonOptions {
  /** Width of the model. */
  dModel: number;
  /** Epochs of linear growth. */
  warmupSteps: number;
  /** A factor on the whole; 1 by default. */
  learningRate?: number | undefined;
}

const keys = ["dModel", "warmupSteps", "learningRate", ...commonKeys] as const;

/**
 * `learningRate * dModel^-0.5 * min(epoch^-0.5, epoch * warmupSteps^-1.5)`; 0 at epoch 0.
 *
 * @throws InvalidArgumentError when dModel or warmupSteps is not above 0.
 * @example
 * const schedule = new NoamDecay(512, 4000);
 */
export class NoamDecay extends LRScheduler {
  readonly dModel: number;
  readonly warmupSteps: number;

  constructor(
    ...args:
      | [options: NoamDecayOptions]
      | [dModel: number, warmupSteps: number, ...Trailing<number, Partial<NoamDecayOptions>>]
  ) {
    const o = namedOptions<NoamDecayOptions>("NoamDecay", args, keys, 2);
    checkNumber("NoamDecay", "dModel", o.dModel);
    checkNumber("NoamDecay", "warmupSteps", o.warmupSteps);
    check("NoamDecay", "dModel", o.dModel > 0, `dModel must be greater than 0, got ${o.dModel}.`);
    check("NoamDecay", "warmupSteps", o.warmupSteps > 0, `warmupSteps must be greater than 0, got ${o.warmupSteps}.`);
    super(common(o, o.learningRate ?? 1));
    this.dModel = o.dModel;
    this.warmupSteps = o.warmupSteps;
  }

  override getLr(): number {
    const t = this.lastEpoch;
    const decay = t === 0 ? 1 : t ** -0.5;
    return this.baseLr * this.dModel ** -0.5 * Math.min(decay, t * this.warmupSteps ** -1.5);
  }
}
