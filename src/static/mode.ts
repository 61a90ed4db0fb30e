// Static mode: the default Programs, their guards, and where ops and parameters go while it is on.

import type { DType } from "../core/dtype.js";
import { AlreadyExistsError, InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { runScope, type Synchronous } from "../core/scope.js";
import { formatShape, sameShape, type Shape } from "../core/shape.js";
import { cast } from "../ops/cast.js";
import { full } from "../ops/creation.js";
import { setDropoutSeed, withOpSeed } from "../ops/random-state.js";
import { setStateHome } from "../optimizer/accumulators.js";
import { type ParameterHome, type ParameterPlan, setParameterHome } from "../param/create.js";
import type { Initializer } from "../param/initializer.js";
import { Parameter, setParameterStore } from "../param/parameter.js";
import { overwrite } from "../param/set-value.js";
import { VarDesc } from "../program/program.js";
import type { Tensor } from "../tensor/tensor.js";
import { capturing, eagerly, isStaticMode, setStaticMode } from "../trace/bind.js";
import { setSymbolHandle, symbolHandle, unscoped } from "../trace/handles.js";
import { setProgramTrace } from "../trace/program-trace.js";
import { withGrad } from "../trace/tape.js";
import { Program } from "./program.js";
import { globalScope } from "./scope.js";
import { Variable } from "./variable.js";

interface Programs {
  readonly main: Program;
  readonly startup: Program;
}

/** Programs built together: the main one remembers where its parameters' first values are made. */
function paired(main: Program, startup: Program): Programs {
  main.startup = startup;
  return { main, startup };
}

let current: Programs = paired(new Program(), new Program());
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
    if (!main.persistables.has(plan.name)) main.addPersistable(parameter.symbol as VarDesc);
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
  const desc = new VarDesc(plan.name, plan.shape, plan.dtype, true);
  const parameter = new Parameter(plan.shape, plan.dtype, plan, undefined, desc);
  current.startup.parameters.set(plan.name, parameter);
  drawFirst(current.startup, parameter, plan.initializer);
  return parameter;
}

/** The startup Program gives a parameter its first value by an initializer. */
function drawFirst(startup: Program, p: Parameter, initializer: Initializer): void {
  firstValue(startup, p.name, () => withOpSeed(startup.randomSeed, () => initializer.make(p.shape, p.dtype)));
}

/** A variable's first value: what `draw` appends to the startup Program, or an eager tensor that it gives. */
export function firstValue(startup: Program, name: string, draw: () => Tensor): void {
  const first = withGrad(false, () => capturing(startup.trace, draw));
  startup.initial.set(name, first.symbol ? (first.symbol as VarDesc) : startup.trace.capture(first));
}

/** Makes a persistable variable of the default main Program with a first value: counters, averages, optimizer state. */
export function makePersistable(name: string, shape: Shape, dtype: DType, first: number | Tensor): Tensor {
  const handle = declare(name, shape, dtype);
  firstValue(current.startup, name, () => (typeof first === "number" ? (full(shape, first, dtype) as Tensor) : first));
  return handle;
}

/** A persistable variable of the default main Program. */
function declare(name: string, shape: Shape, dtype: DType): Tensor {
  const { main } = current;
  const desc = new VarDesc(name, shape, dtype, true);
  main.addPersistable(desc);
  const handle = symbolHandle(desc) as Tensor;
  handle.persistable = true;
  main.trace.handles.set(name, handle);
  return handle;
}

setStateHome({
  make: (name, shape, dtype, first) => {
    const made = makePersistable(name, shape, dtype, first);
    if (building) putFirst(made, first);
    return made;
  },
  ensure(variable, first) {
    const name = variable.name!;
    const { main, startup } = current;
    if (!main.persistables.has(name)) main.addPersistable(variable.symbol as VarDesc);
    if (!startup.initial.has(name))
      firstValue(startup, name, () => full(variable.shape, first, variable.dtype) as Tensor);
    if (building) putFirst(variable, first);
  },
  derive(name, parameter, dtype, made) {
    const { main, startup } = current;
    const variable = made ?? declare(name, parameter.shape, dtype);
    if (!main.persistables.has(name)) main.addPersistable(variable.symbol as VarDesc);
    const source = startup.initial.get(parameter.name);
    if (source && !startup.initial.has(name))
      firstValue(startup, name, () => cast(symbolHandle(source) as Tensor, dtype));
    const value = building && globalScope().findVar(parameter.name)?.tensor;
    if (value)
      putFirst(
        variable,
        eagerly(() => cast(value, dtype)),
      );
    return variable;
  },
  value: (variable) => globalScope().findVar(variable.name!)?.tensor,
});

/** True while a variant of a Program that ran already is built: its new state must have a value at once. */
let building = false;

function putFirst(variable: Tensor, first: number | Tensor): void {
  const place = globalScope().var(variable.name!);
  if (place.tensor) return;
  const { shape, dtype } = variable;
  const value = unscoped(() => eagerly(() => (typeof first === "number" ? full(shape, first, dtype) : first)));
  place.tensor = value as Tensor;
}

/** Appends to a Program that ran already: state that is new there gets its first value in the current scope at once. */
export function extending<R>(main: Program, fn: () => R): R {
  const before = building;
  building = true;
  try {
    return buildingIn(main, main.startup ?? current.startup, fn);
  } finally {
    building = before;
  }
}

setParameterStore({
  value: (p) => globalScope().require(p.name, "setValue"),
  initialize(p, initializer) {
    for (const startup of new Set([current.startup, current.main.startup!]))
      if (startup.initial.has(p.name)) drawFirst(startup, p, initializer);
    const value = globalScope().findVar(p.name)?.tensor;
    if (value)
      overwrite(
        value,
        eagerly(() => withGrad(false, () => initializer.make(p.shape, p.dtype))),
      );
  },
});

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
 * Builds into other Programs while `fn` runs; without a startup Program parameters go to the one in force.
 *
 * @throws PreconditionNotMetError outside static mode; InvalidArgumentError when `fn` returns a promise.
 * @example
 * ```ts
 * import { enableStatic, disableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * const y = static_.programGuard(main, startup, () => static_.nn.fc(static_.data("x", [-1, 4]), 2));
 * disableStatic();
 * ```
 */
export function programGuard<R>(main: Program, startup: Program, fn: () => Synchronous<R>): R;
export function programGuard<R>(main: Program, fn: () => Synchronous<R>): R;
export function programGuard<R>(
  main: Program,
  startup: Program | (() => Synchronous<R>),
  fn?: () => Synchronous<R>,
): R {
  const body = typeof startup === "function" ? startup : fn;
  if (!(main instanceof Program) || !body)
    throw new InvalidArgumentError("takes a Program, maybe a startup Program, and a function.", { op: "programGuard" });
  if (!isStaticMode())
    throw new PreconditionNotMetError("static mode is off.", {
      op: "programGuard",
      hint: "call enableStatic() first.",
    });
  return runScope("programGuard", () => enter(main, typeof startup === "function" ? current.startup : startup), body);
}

function enter(main: Program, startup: Program): () => void {
  const before = current;
  current = paired(main, startup);
  setProgramTrace(main.trace);
  return () => {
    current = before;
    setProgramTrace(before.main.trace);
  };
}

/** Runs `fn` with a Program and a startup Program in force, whatever the mode. */
export function buildingIn<R>(main: Program, startup: Program, fn: () => R): R {
  const leave = enter(main, startup);
  const staticMode = isStaticMode();
  setStaticMode(true);
  try {
    return fn();
  } finally {
    setStaticMode(staticMode);
    leave();
  }
}

/** Makes new default Programs, as a fresh process has them. */
export function resetDefaultPrograms(): void {
  current = paired(new Program(), new Program());
  setProgramTrace(current.main.trace);
}
