// Inputs of Programs, gradients, and optimization of static losses.

import type { DType } from "../core/dtype.js";
import { AlreadyExistsError, InvalidArgumentError } from "../core/errors.js";
import { getDefaultDtype } from "../core/promotion.js";
import { splitOptions, type Trailing } from "../core/options.js";
import type { Shape } from "../core/shape.js";
import { type MinimizeOptions, type Optimizer, setStaticMinimize } from "../optimizer/optimizer.js";
import type { Parameter } from "../param/parameter.js";
import { VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { capturing } from "../trace/bind.js";
import { walk } from "../trace/tape.js";
import { standIn } from "./extents.js";
import { defaultMainProgram } from "./mode.js";
import type { Program } from "./program.js";
import { programOf } from "./owners.js";

/** Options of {@link data}. */
export interface DataOptions {
  readonly dtype?: DType | undefined;
  readonly lodLevel?: number | undefined;
}

/**
 * Declares an input of the default main Program; -1 (or null) stands for an extent known only when it is fed.
 *
 * @throws AlreadyExistsError when the name is taken.
 */
export function data(name: string, shape: readonly (number | null)[], ...rest: Trailing<DType, DataOptions>): Tensor {
  const { dtype = getDefaultDtype() } = splitOptions<DataOptions>("static.data", rest, ["dtype", "lodLevel"]);
  const program = defaultMainProgram();
  if (program.block.vars.has(name))
    throw new AlreadyExistsError(`the Program has a variable "${name}" already.`, { op: "static.data", name });
  const declared: Shape = shape.map((n) => n ?? -1);
  return program.add(new VarDesc(name, standIn(declared), dtype, false, true));
}

/** Gradients by parameter, as {@link appendBackward} returns them. */
export type ParameterGradients = [Parameter, Tensor][];

/**
 * Appends the gradients of a loss to its Program.
 *
 * @param options `parameterList`: only these; `noGradSet`: no gradient through these (variables or names).
 */
export function appendBackward(
  loss: Tensor,
  options: {
    readonly parameterList?: readonly (Tensor | string)[] | undefined;
    readonly noGradSet?: Iterable<Tensor | string> | undefined;
  } = {},
): ParameterGradients {
  const program = programOf(loss);
  const wanted =
    options.parameterList?.map((p) => (typeof p === "string" ? program.globalBlock().var(p) : p)) ??
    program.allParameters();
  const trainable = wanted.filter((p) => !p.stopGradient) as Parameter[];
  const found = backwardOf(program, [loss], [undefined], trainable, options.noGradSet ?? []);
  return trainable.flatMap((p): ParameterGradients => {
    const g = found.get(p) as Tensor | undefined;
    return g ? [[p, g]] : [];
  });
}

/** Gradients of targets with respect to inputs, appended to the Program; null where none flows. */
export function gradients(
  targets: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: {
    readonly targetGradients?: Tensor | readonly (Tensor | null)[] | null | undefined;
    readonly noGradSet?: Iterable<Tensor | string> | undefined;
  } = {},
): (Tensor | null)[] {
  const roots = Array.isArray(targets) ? (targets as Tensor[]) : [targets as Tensor];
  const wanted = Array.isArray(inputs) ? (inputs as Tensor[]) : [inputs as Tensor];
  const given = options.targetGradients;
  const seeds = Array.isArray(given)
    ? given.map((g) => g ?? undefined)
    : [(given as Tensor | null | undefined) ?? undefined];
  const program = programOf(roots[0]!);
  const found = backwardOf(
    program,
    roots,
    roots.map((_, i) => seeds[i]),
    wanted,
    options.noGradSet ?? [],
  );
  return wanted.map((x) => (found.get(x) as Tensor | undefined) ?? null);
}

function backwardOf(
  program: Program,
  roots: readonly Value[],
  seeds: readonly (Value | undefined)[],
  wanted: readonly Value[],
  noGrad: Iterable<Tensor | string>,
): Map<Value, Value> {
  const stopped = [...noGrad]
    .map((v) => (typeof v === "string" ? program.globalBlock().var(v) : v))
    .filter((v) => !v.stopGradient);
  for (const v of stopped) v.stopGradient = true;
  try {
    const found = program.trace.as("backward", () =>
      capturing(program.trace, () => walk(roots, seeds, { retainGraph: true, createGraph: true, inputs: wanted })),
    );
    for (const [x, g] of found)
      if (x.symbol && g.symbol) program.gradients.set(`${x.symbol.name}@GRAD`, g.symbol as VarDesc);
    return found;
  } finally {
    for (const v of stopped) v.stopGradient = false;
  }
}

/** Appends backward and update ops for a static loss: what `optimizer.minimize` does in static mode. */
export function minimizeStatic(optimizer: Optimizer, loss: Tensor, options: MinimizeOptions): [[], ParameterGradients] {
  const program = programOf(loss);
  const given =
    options.parameters ?? (optimizer.parameters.length > 0 ? optimizer.parameters : program.allParameters());
  const pairs = appendBackward(loss, { parameterList: given, noGradSet: options.noGradSet ?? [] });
  if (pairs.length === 0)
    throw new InvalidArgumentError("no trainable parameter leads to the loss.", { op: "minimize" });
  program.trace.as("optimize", () => capturing(program.trace, () => optimizer.applyGradients(pairs)));
  return [[], pairs];
}

setStaticMinimize(minimizeStatic);
