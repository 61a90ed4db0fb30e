// CyclicLR: between two rates and back, over and over, from "Cyclical Learning Rates for Training Neural Networks".

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { type EpochFunction, check, checkFunction, checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link CyclicLR}. */
export interface CyclicLROptions extends CommonOptions {
  /** The lower rate. */
  baseLearningRate: number;
  /** The upper rate, before scaling. */
  maxLearningRate: number;
  /** Epochs from the lower to the upper rate. */
  stepSizeUp: number;
  /** Epochs back; stepSizeUp by default. */
  stepSizeDown?: number | undefined;
  /** The amplitude: constant ("triangular", the default), halved each cycle, or times expGamma each epoch. */
  mode?: "triangular" | "triangular2" | "exp_range" | undefined;
  /** Base of "exp_range"; 1 by default. */
  expGamma?: number | undefined;
  /** The amplitude's factor, instead of mode. */
  scaleFn?: EpochFunction | undefined;
  /** What scaleFn is given: the cycle counted from 1 ("cycle", the default) or the epoch ("iterations"). */
  scaleMode?: "cycle" | "iterations" | undefined;
}

const keys = [
  "baseLearningRate",
  "maxLearningRate",
  "stepSizeUp",
  "stepSizeDown",
  "mode",
  "expGamma",
  "scaleFn",
  "scaleMode",
  ...commonKeys,
] as const;

/**
 * A triangle wave: `base + (max - base) * f * scale`, f rising from 0 to 1 in stepSizeUp epochs and falling in stepSizeDown.
 *
 * @throws InvalidArgumentError on a step size that is no positive integer or an unknown mode.
 * @example
 * const schedule = new CyclicLR(0.01, 0.1, 5, { mode: "triangular2" });
 */
export class CyclicLR extends LRScheduler {
  readonly maxLr: number;
  readonly stepSizeUp: number;
  readonly stepSizeDown: number;
  readonly #scale: (cycle: number, epoch: number) => number;

  constructor(
    ...args:
      | [options: CyclicLROptions]
      | [
          baseLearningRate: number,
          maxLearningRate: number,
          stepSizeUp: number,
          ...Trailing<number, Partial<CyclicLROptions>>,
        ]
  ) {
    const o = namedOptions<CyclicLROptions>("CyclicLR", args, keys, 3);
    checkNumber("CyclicLR", "baseLearningRate", o.baseLearningRate);
    checkNumber("CyclicLR", "maxLearningRate", o.maxLearningRate);
    checkPositiveInteger("CyclicLR", "stepSizeUp", o.stepSizeUp);
    // Python's None stands for "as stepSizeUp" too.
    const stepSizeDown = o.stepSizeDown ?? o.stepSizeUp;
    checkPositiveInteger("CyclicLR", "stepSizeDown", stepSizeDown);
    const scale = scaleOf(o);
    super(common(o, o.baseLearningRate));
    this.maxLr = o.maxLearningRate;
    this.stepSizeUp = o.stepSizeUp;
    this.stepSizeDown = stepSizeDown;
    this.#scale = scale;
  }

  override getLr(): number {
    const t = this.lastEpoch;
    const period = this.stepSizeUp + this.stepSizeDown;
    const cycle = 1 + Math.floor(t / period);
    const place = 1 + t / period - cycle;
    const peak = this.stepSizeUp / period;
    const height = place <= peak ? place / peak : (1 - place) / (1 - peak);
    return this.baseLr + (this.maxLr - this.baseLr) * height * this.#scale(cycle, t);
  }
}

function scaleOf(o: CyclicLROptions): (cycle: number, epoch: number) => number {
  const { mode = "triangular", expGamma = 1, scaleFn, scaleMode = "cycle" } = o;
  checkNumber("CyclicLR", "expGamma", expGamma);
  const knownScale = scaleMode === "cycle" || scaleMode === "iterations";
  check(
    "CyclicLR",
    "scaleMode",
    knownScale,
    `scaleMode must be "cycle" or "iterations", got ${JSON.stringify(scaleMode)}.`,
  );
  if (scaleFn !== undefined && scaleFn !== null) {
    checkFunction("CyclicLR", "scaleFn", scaleFn);
    return scaleMode === "cycle" ? scaleFn : (_, epoch) => scaleFn(epoch);
  }
  const scale = Object.hasOwn(scales, mode) ? scales[mode] : undefined;
  check(
    "CyclicLR",
    "mode",
    scale !== undefined,
    `mode must be one of ${Object.keys(scales).join(", ")}, got ${JSON.stringify(mode)}.`,
  );
  return (cycle, epoch) => scales[mode](cycle, epoch, expGamma);
}

const scales = {
  triangular: () => 1,
  triangular2: (cycle: number) => 1 / 2 ** (cycle - 1),
  exp_range: (_: number, epoch: number, gamma: number) => gamma ** epoch,
};
