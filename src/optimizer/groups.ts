// Parameter groups: reading and checking what an optimizer is given as `parameters`.

import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, describe, isOptions } from "../core/options.js";
import { GradientClip } from "../nn/clip.js";
import { isStaticMode } from "../trace/bind.js";
import { Parameter } from "../param/parameter.js";
import { checkRate, type Rate } from "../param/rate.js";
import { WeightDecayRegularizer } from "../param/regularizer.js";
import type { GroupSettings } from "../param/resolve.js";

/** A parameter group as users write it; keys beside these are the optimizer's own settings (`beta1`, `momentum`, …). */
export interface GroupOptions {
  readonly params: Iterable<Parameter>;
  /** Factor of the optimizer's rate. */
  readonly learningRate?: Rate | undefined;
  /** null: not set; 0: none. */
  readonly weightDecay?: number | WeightDecayRegularizer | null | undefined;
  readonly gradClip?: GradientClip | null | undefined;
  readonly [setting: string]: unknown;
}

/** What an optimizer takes as `parameters`. */
export type ParametersLike = Iterable<Parameter> | readonly GroupOptions[];

/** A group as optimizers work with it. */
export interface ParameterGroup extends GroupSettings {
  readonly gradClip: GradientClip | undefined;
  /** The optimizer's own settings that the group replaces. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Parameters that are updated together; `group` when they were given as one. */
export interface ParameterSet {
  readonly group: ParameterGroup | undefined;
  readonly parameters: readonly Parameter[];
}

/**
 * Reads `parameters`.
 *
 * @param settings names of the optimizer's own settings, which groups may have
 * @throws InvalidArgumentError for anything but parameters or groups, an unknown setting, a parameter in two groups.
 */
export function readParameters(
  api: string,
  given: ParametersLike | null | undefined,
  settings: readonly string[],
): ParameterSet[] {
  if ((given === undefined || given === null) && isStaticMode()) return [{ group: undefined, parameters: [] }];
  if (given === undefined || given === null) {
    throw new InvalidArgumentError("parameters must be given.", {
      op: api,
      hint: "pass { parameters: net.parameters() }.",
    });
  }
  if (given instanceof Parameter || isOptions(given) || !(Symbol.iterator in given)) {
    throw new InvalidArgumentError(`parameters must be a list, got ${describe(given)}.`, {
      op: api,
      hint: given instanceof Parameter ? "wrap it: [parameter]." : undefined,
    });
  }
  const list: readonly unknown[] = [...given];
  if (!list.some((x) => isOptions(x))) return [{ group: undefined, parameters: parametersOf(api, list) }];
  const sets = list.map((x, index) => readGroup(api, x, index, settings));
  refuseTwice(api, sets);
  return sets;
}

function parametersOf(api: string, list: readonly unknown[]): Parameter[] {
  const out = new Set<Parameter>();
  for (const x of list) {
    if (!(x instanceof Parameter)) {
      throw new InvalidArgumentError(`parameters must be Parameters, got ${describe(x)}.`, { op: api });
    }
    out.add(x);
  }
  return [...out];
}

const groupKeys = ["params", "learningRate", "weightDecay", "gradClip"];

function readGroup(api: string, x: unknown, index: number, settings: readonly string[]): ParameterSet {
  if (!isOptions(x)) {
    throw new InvalidArgumentError(`parameter groups and parameters do not mix, got ${describe(x)} among groups.`, {
      op: api,
    });
  }
  const o = checkOptions(api, x as Partial<GroupOptions>, [...groupKeys, ...settings]);
  const params: unknown = o.params;
  if (typeof params !== "object" || params === null || !(params instanceof Parameter || Symbol.iterator in params)) {
    throw new InvalidArgumentError(`group ${index} must have params, a list of parameters.`, { op: api });
  }
  if (o.learningRate !== undefined) checkRate(o.learningRate, `learningRate of group ${index}`, api);
  const decay: unknown = o.weightDecay;
  if (
    decay !== undefined &&
    decay !== null &&
    typeof decay !== "number" &&
    !(decay instanceof WeightDecayRegularizer)
  ) {
    throw new InvalidArgumentError(`weightDecay of group ${index} must be a number or a regularizer.`, { op: api });
  }
  if (o.gradClip !== undefined && o.gradClip !== null && !(o.gradClip instanceof GradientClip)) {
    throw new InvalidArgumentError(`gradClip of group ${index} must be one of nn.ClipGradBy….`, { op: api });
  }
  const own = Object.fromEntries(Object.entries(o).filter(([key, v]) => settings.includes(key) && v !== undefined));
  return {
    group: {
      index,
      learningRate: o.learningRate,
      weightDecay: o.weightDecay,
      gradClip: o.gradClip ?? undefined,
      settings: own,
    },
    parameters: parametersOf(api, params instanceof Parameter ? [params] : [...(params as Iterable<unknown>)]),
  };
}

function refuseTwice(api: string, sets: readonly ParameterSet[]): void {
  const seen = new Set<Parameter>();
  for (const p of sets.flatMap((s) => s.parameters)) {
    if (seen.has(p)) {
      throw new InvalidArgumentError(`the parameter "${p.name}" is in more than one parameter group.`, {
        op: api,
        name: p.name,
      });
    }
    seen.add(p);
  }
}
