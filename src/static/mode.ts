// Static mode: the default Programs, their guards, and where ops and parameters go while it is on.

import { AlreadyExistsError, InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import { setDropoutSeed, withOpSeed } from "../ops/random-state.js";
import { type ParameterHome, type ParameterPlan, setParameterHome } from "../param/create.js";
import { Parameter } from "../param/parameter.js";
import { VarDesc } from "../program/program.js";
import { capturing, isStaticMode, setStaticMode } from "../trace/bind.js";
import { setSymbolHandle } from "../trace/handles.js";
import { setProgramTrace } from "../trace/program-trace.js";
import { withGrad } from "../trace/tape.js";
import { Program } from "./program.js";
import { Variable } from "./variable.js";

interface Programs {
  readonly main: Program;
  readonly startup: Program;
}

let current: Programs = { main: new Program(), startup: new Program() };
let eagerHome: ParameterHome | undefined;
setDropoutSeed(() => current.main.randomSeed);
setSymbolHandle(Variable);

/** Static parameters: a variable in the main Program, its first value in the startup Program. */
const staticHome: ParameterHome = {
  obtain(plan: ParameterPlan): Parameter {
    const { main, startup } = current;
    const existing = main.parameters.get(plan.name) ?? startup.parameters.get(plan.name);
    const parameter = existing ? join(existing, plan) : make(plan);
    main.parameters.set(plan.name, parameter);
    if (!main.persistables.has(plan.name)) {
      main.persistables.set(plan.name, parameter.symbol as VarDesc);
      main.block.addVar(parameter.symbol as VarDesc);
    }
    return parameter;
  },
};

function join(existing: Parameter, plan: ParameterPlan): Parameter {
  if (!plan.explicit) {
    throw new AlreadyExistsError(`the parameter name "${plan.name}" is taken.`, { op: plan.creator, name: plan.name });
  }
  if (!sameShape(existing.shape, plan.shape) || existing.dtype !== plan.dtype) {
    const [was, now] = [existing, plan].map((p) => `${p.dtype}${formatShape(p.shape)}`);
    throw new InvalidArgumentError(
      `"${plan.name}" is shared by name, but ${existing.creators[0]} made it ${was} and ${plan.creator} asks for ${now}.`,
      { op: plan.creator, name: plan.name, creators: [existing.creators[0], plan.creator] },
    );
  }
  existing.adopt(plan.attr, plan.creator);
  return existing;
}

function make(plan: ParameterPlan): Parameter {
  const { startup } = current;
  const parameter = new Parameter(
    plan.shape,
    plan.dtype,
    plan,
    undefined,
    new VarDesc(plan.name, plan.shape, plan.dtype, true),
  );
  const draw = () => withOpSeed(startup.randomSeed, () => plan.initializer.make(plan.shape, plan.dtype));
  const first = withGrad(false, () => capturing(startup.trace, draw));
  startup.parameters.set(plan.name, parameter);
  startup.initial.set(plan.name, first.symbol ? (first.symbol as VarDesc) : startup.trace.capture(first));
  return parameter;
}

/** Adds a persistable variable with a first value: counters, running statistics, optimizer state. */
export function addPersistable(name: string, desc: VarDesc, first: VarDesc): void {
  current.main.persistables.set(name, desc);
  current.startup.initial.set(name, first);
}

/**
 * Turns static mode on: ops on variables append to the default main Program, and parameters are made by the startup Program.
 *
 * @example
 * ```ts
 * import { enableStatic, disableStatic } from "oarjs";
 * enableStatic();
 * disableStatic();
 * ```
 */
export function enableStatic(): void {
  setStaticMode(true);
  const before = setParameterHome(staticHome);
  if (before !== staticHome) eagerHome = before;
  setProgramTrace(current.main.trace);
}

/** Back to dynamic mode. */
export function disableStatic(): void {
  setStaticMode(false);
  if (eagerHome) setParameterHome(eagerHome);
}

/** Whether static mode is off. */
export const inDynamicMode = (): boolean => !isStaticMode();

/** The Program that ops append to. */
export const defaultMainProgram = (): Program => current.main;

/** The Program that makes first values. */
export const defaultStartupProgram = (): Program => current.startup;

/**
 * Builds into other Programs while `fn` runs; the startup Program may be left out.
 *
 * @throws PreconditionNotMetError outside static mode.
 */
export function programGuard<R>(main: Program, startup: Program | (() => R), fn?: () => R): R {
  const body = typeof startup === "function" ? startup : fn;
  if (!body) throw new InvalidArgumentError("needs a function to run.", { op: "programGuard" });
  if (!eagerHome)
    throw new PreconditionNotMetError("static mode is off.", {
      op: "programGuard",
      hint: "call enableStatic() first.",
    });
  const before = current;
  current = { main, startup: typeof startup === "function" ? before.startup : startup };
  setProgramTrace(current.main.trace);
  try {
    return body();
  } finally {
    current = before;
    setProgramTrace(current.main.trace);
  }
}

/** Makes new default Programs, as a fresh process has them. */
export function resetDefaultPrograms(): void {
  current = { main: new Program(), startup: new Program() };
  setProgramTrace(current.main.trace);
}
