// The resolver: of all that a ParamAttr, a parameter group and an optimizer say about a parameter, what is in force and why.

import { isStrictPaddle } from "../core/flags.js";
import type { Parameter } from "./parameter.js";
import type { Rate } from "./rate.js";
import { L2Decay, type WeightDecayRegularizer } from "./regularizer.js";

/** A setting with where it came from. */
export interface Resolved<T> {
  readonly value: T;
  readonly source: string;
}

/** What a parameter group sets itself; undefined and null: nothing. */
export interface GroupSettings {
  /** For messages and tables. */
  readonly index: number;
  readonly learningRate?: Rate | undefined;
  readonly weightDecay?: number | WeightDecayRegularizer | null | undefined;
}

/** What an optimizer sets for all its parameters. */
export interface OwnerSettings {
  readonly weightDecay: WeightDecayRegularizer | null;
  /** Weight decay is a step of its own (AdamW), not part of the gradient. */
  readonly decoupled: boolean;
  /** Python Paddle's Momentum keeps the L2Decay of a group to itself instead of giving it to the parameters; null is then none. */
  readonly keepsL2: boolean;
}

/** A number as a regularizer. */
export const asRegularizer = (decay: number | WeightDecayRegularizer): WeightDecayRegularizer =>
  typeof decay === "number" ? new L2Decay(decay) : decay;

/** The factor of the optimizer's rate: what the group sets, else the parameter's own. */
export function resolveRate(p: Parameter, group: GroupSettings | undefined): Resolved<Rate> {
  if (!isStrictPaddle() && group?.learningRate !== undefined)
    return { value: group.learningRate, source: `group ${group.index}` };
  return { value: p.learningRate, source: p.sourceOf("learningRate") };
}

/** Whether nothing may move the parameter: a constant 0 as its factor. Python Paddle lets moments (and Rprop) go on. */
export const isHeld = (p: Parameter, group: GroupSettings | undefined): boolean =>
  !isStrictPaddle() && resolveRate(p, group).value === 0;

/** The term added to the gradient: what the group sets, else the parameter's own, else the optimizer's. */
export function resolveRegularizer(
  p: Parameter,
  group: GroupSettings | undefined,
  owner: OwnerSettings,
): Resolved<WeightDecayRegularizer | null> {
  const decay = group?.weightDecay;
  if (!isStrictPaddle() && !owner.decoupled && decay !== undefined && decay !== null)
    return { value: asRegularizer(decay), source: `group ${group!.index}` };
  if (p.regularizer) return { value: p.regularizer, source: p.sourceOf("regularizer") };
  if (owner.decoupled) return { value: null, source: "none" };
  if (isStrictPaddle() && owner.keepsL2 && group)
    return { value: groupDecay(group, owner), source: `group ${group.index}` };
  return owner.weightDecay ? { value: owner.weightDecay, source: "optimizer" } : { value: null, source: "none" };
}

/** The group's decay, or the optimizer's where the group says nothing. */
function groupDecay(group: GroupSettings, owner: OwnerSettings): WeightDecayRegularizer | null {
  if (group.weightDecay === undefined) return owner.weightDecay;
  return group.weightDecay === null ? null : asRegularizer(group.weightDecay);
}

/**
 * What Python Paddle does to the parameters of a group when the optimizer is made: the group's (or else the optimizer's) decay and the
 * group's rate (or else 1) replace what their ParamAttr said.
 */
export function overwriteAsPaddle(p: Parameter, group: GroupSettings, owner: OwnerSettings): void {
  p.learningRate = group.learningRate ?? 1;
  if (owner.decoupled) return;
  const decay = groupDecay(group, owner);
  p.regularizer = owner.keepsL2 && decay instanceof L2Decay ? null : decay;
}
