// Making parameters: the one door behind every layer's createParameter, with sharing by name.

import { type DType, isFloat } from "../core/dtype.js";
import { AlreadyExistsError, InvalidArgumentError } from "../core/errors.js";
import { isStrictPaddle } from "../core/flags.js";
import { formatShape, sameShape, type Shape } from "../core/shape.js";
import { eagerly } from "../trace/bind.js";
import { storageOf } from "../trace/eager.js";
import { withGrad } from "../trace/tape.js";
import { globalInitializer, type Initializer } from "./initializer.js";
import type { ParamAttr } from "./param-attr.js";
import { Parameter, type ParameterInit, type SettingSource } from "./parameter.js";
import { type NameEntry, parameterNames, uniqueName } from "./unique-name.js";

/** What a parameter is asked for with. */
export interface ParameterRequest {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly attr: ParamAttr;
  readonly isBias: boolean;
  /** The layer's own default. */
  readonly defaultInitializer: Initializer | undefined;
  /** The framework's default for weights or biases. */
  readonly fallback: Initializer;
  /** Prefix of a generated name: the layer's full name. */
  readonly prefix: string;
  /** Names the layer (or function) in messages and tables. */
  readonly creator: string;
}

/** A request with name and initializer decided. */
export interface ParameterPlan extends ParameterInit {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly initializer: Initializer;
  /** The name was given, not generated. */
  readonly explicit: boolean;
}

/** Where parameters live: eager tensors by default; static mode puts variables of Programs here. */
export interface ParameterHome {
  obtain(plan: ParameterPlan): Parameter;
}

/** Makes or joins a parameter. Throws InvalidArgument for a bad shape or dtype, AlreadyExists for a name that cannot be joined. */
export function obtainParameter(request: ParameterRequest): Parameter {
  return home.obtain(planOf(request));
}

/** Puts another home in force; gives the one before. */
export function setParameterHome(next: ParameterHome): ParameterHome {
  const before = home;
  home = next;
  return before;
}

function planOf(r: ParameterRequest): ParameterPlan {
  for (const n of r.shape) {
    if (Number.isInteger(n) && n >= 0) continue;
    throw new InvalidArgumentError(
      `a parameter's extents must be non-negative integers, got ${formatShape(r.shape)}.`,
      {
        op: r.creator,
        shape: r.shape,
      },
    );
  }
  const [initializer, initializerSource] = chooseInitializer(r);
  if (initializer === r.fallback && !isFloat(r.dtype) && r.dtype !== "int8") {
    throw new InvalidArgumentError(`there is no default initializer for ${r.dtype}.`, {
      op: r.creator,
      hint: "pass ParamAttr({ initializer }).",
    });
  }
  const explicit = r.attr.name !== undefined;
  const name = r.attr.name ?? uniqueName.generate(`${r.prefix}.${r.isBias ? "b" : "w"}`);
  return { ...r, name, explicit, initializer, initializerSource };
}

/** ParamAttr, then the global initializer, then the layer's default, then the framework's. */
function chooseInitializer(r: ParameterRequest): [Initializer, SettingSource] {
  if (r.attr.initializer) return [r.attr.initializer, "ParamAttr"];
  const global = globalInitializer(r.isBias);
  if (global) return [global, "global initializer"];
  return r.defaultInitializer ? [r.defaultInitializer, "layer default"] : [r.fallback, "default"];
}

const eagerHome: ParameterHome = {
  obtain(plan) {
    const taken = parameterNames().get(plan.name);
    if (taken) return join(taken, plan);
    const made = eagerly(() => withGrad(false, () => plan.initializer.make(plan.shape, plan.dtype)));
    const parameter = new Parameter(plan.shape, plan.dtype, plan, storageOf(made, plan.creator).retain());
    register(parameter, plan);
    return parameter;
  },
};

let home: ParameterHome = eagerHome;

function register(parameter: Parameter, plan: ParameterPlan): void {
  const joinable = plan.explicit && !isStrictPaddle();
  const entry: NameEntry = {
    creator: plan.creator,
    explicit: plan.explicit,
    joinable: joinable ? parameter : undefined,
  };
  parameterNames().set(plan.name, entry);
  parameter.whenSettled(() => {
    entry.joinable = undefined;
  });
}

/** The parameter that has the name already, if it may be shared. */
function join(taken: NameEntry, plan: ParameterPlan): Parameter {
  const existing = taken.joinable;
  if (isStrictPaddle() || !existing || !plan.explicit) throw nameTaken(taken, plan);
  if (!sameShape(existing.shape, plan.shape) || existing.dtype !== plan.dtype) {
    const [was, now] = [existing, plan].map((p) => `${p.dtype}${formatShape(p.shape)}`);
    throw new InvalidArgumentError(
      `"${plan.name}" is shared by name, but ${taken.creator} made it ${was} and ${plan.creator} asks for ${now}.`,
      { op: plan.creator, name: plan.name, creators: [taken.creator, plan.creator] },
    );
  }
  existing.adopt(plan.attr, plan.creator);
  return existing;
}

function nameTaken(taken: NameEntry, plan: ParameterPlan): AlreadyExistsError {
  const why = isStrictPaddle()
    ? "and strictPaddle allows a name once"
    : taken.explicit
      ? "and it was updated or loaded since, so it is not shared any more"
      : "which generated it";
  return new AlreadyExistsError(
    `the parameter name "${plan.name}" belongs to ${taken.creator}, ${why}; ${plan.creator} asks for it again.`,
    {
      op: plan.creator,
      name: plan.name,
      creators: [taken.creator, plan.creator],
      hint: "build the second model inside utils.uniqueName.guard(() => …), choose another name, or use the same layer (or parameter) object.",
    },
  );
}
