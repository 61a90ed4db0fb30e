// OneCycleLR: up to a peak and far down again within a known number of steps, from "Super-Convergence".

import { OutOfRangeError } from "../../core/errors.js";
import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link OneCycleLR}. */
export interface OneCycleLROptions extends CommonOptions {
  /** The peak. */
  maxLearningRate: number;
  /** Steps of the whole training. */
  totalSteps: number;
  /** The start rate is the peak divided by this; 25 by default. */
  divideFactor?: number | undefined;
  /** The last rate; 0.0001 by default. */
  endLearningRate?: number | undefined;
  /** Share of the steps spent going up; 0.3 by default. */
  phasePct?: number | undefined;
  /** The curve between two rates: "cos", the default, or "linear". */
  annealStrategy?: "cos" | "linear" | undefined;
  /** Goes down in two phases: back to the start rate as fast as up, then to the last; false by default. */
  threePhase?: boolean | undefined;
}

const keys = [
  "maxLearningRate",
  "totalSteps",
  "divideFactor",
  "endLearningRate",
  "phasePct",
  "annealStrategy",
  "threePhase",
  ...commonKeys,
] as const;

interface Phase {
  readonly start: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/**
 * One cycle: from `maxLearningRate / divideFactor` up to `maxLearningRate` in `phasePct` of the steps, then down to
 * `endLearningRate`, each along half a cosine wave or a line. Step it once per batch.
 *
 * @throws InvalidArgumentError on arguments out of range; OutOfRangeError when stepped past `totalSteps`.
 * @example
 * const schedule = new OneCycleLR(0.1, 1000);
 */
export class OneCycleLR extends LRScheduler {
  readonly totalSteps: number;
  readonly annealStrategy: "cos" | "linear";
  readonly #phases: readonly Phase[];

  constructor(
    ...args:
      | [options: OneCycleLROptions]
      | [maxLearningRate: number, totalSteps: number, ...Trailing<number, Partial<OneCycleLROptions>>]
  ) {
    const o = namedOptions<OneCycleLROptions>("OneCycleLR", args, keys, 2);
    const settings = withDefaults(o);
    super(common(o, settings.start));
    this.totalSteps = settings.totalSteps;
    this.annealStrategy = settings.annealStrategy;
    this.#phases = phasesOf(settings);
  }

  override getLr(): number {
    const t = this.lastEpoch;
    if (t > this.totalSteps) {
      throw new OutOfRangeError(`stepped ${t} times, but totalSteps is ${this.totalSteps}.`, {
        op: "OneCycleLR",
        hint: "Give totalSteps the number of batches times the number of epochs.",
      });
    }
    const { start, end, from, to } = this.#phases.find((phase) => t <= phase.end) ?? this.#phases.at(-1)!;
    const share = (t - start) / (end - start);
    if (this.annealStrategy === "linear") return (to - from) * share + from;
    return to + ((from - to) / 2) * (Math.cos(Math.PI * share) + 1);
  }
}

type Settings = ReturnType<typeof withDefaults>;

function withDefaults(o: OneCycleLROptions) {
  const api = "OneCycleLR";
  const { maxLearningRate, totalSteps, divideFactor = 25, endLearningRate = 0.0001, phasePct = 0.3 } = o;
  const { annealStrategy = "cos", threePhase = false } = o;
  const numbers = { maxLearningRate, divideFactor, endLearningRate, phasePct };
  for (const [name, value] of Object.entries(numbers)) checkNumber(api, name, value);
  checkPositiveInteger(api, "totalSteps", totalSteps);
  check(api, "maxLearningRate", maxLearningRate >= 0, `maxLearningRate must not be negative, got ${maxLearningRate}.`);
  check(api, "endLearningRate", endLearningRate >= 0, `endLearningRate must not be negative, got ${endLearningRate}.`);
  check(api, "phasePct", phasePct >= 0 && phasePct <= 1, `phasePct must be between 0 and 1, got ${phasePct}.`);
  check(
    api,
    "phasePct",
    !threePhase || phasePct < 0.5,
    `phasePct must be less than 0.5 with threePhase, got ${phasePct}.`,
  );
  const known = annealStrategy === "cos" || annealStrategy === "linear";
  check(
    api,
    "annealStrategy",
    known,
    `annealStrategy must be "cos" or "linear", got ${JSON.stringify(annealStrategy)}.`,
  );
  return {
    maxLearningRate,
    totalSteps,
    endLearningRate,
    phasePct,
    annealStrategy,
    threePhase,
    start: maxLearningRate / divideFactor,
  };
}

/** The phases' bounds may be fractions: the peak lies at `phasePct * totalSteps - 1`. */
function phasesOf(s: Settings): Phase[] {
  const peak = s.phasePct * s.totalSteps - 1;
  const last = s.totalSteps - 1;
  const up = { start: 0, end: peak, from: s.start, to: s.maxLearningRate };
  if (!s.threePhase) return [up, { start: peak, end: last, from: s.maxLearningRate, to: s.endLearningRate }];
  const back = 2 * s.phasePct * s.totalSteps - 2;
  return [
    up,
    { start: peak, end: back, from: s.maxLearningRate, to: s.start },
    { start: back, end: last, from: s.start, to: s.endLearningRate },
  ];
}
