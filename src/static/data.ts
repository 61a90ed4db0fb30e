// Inputs of Programs, gradients, and optimization of static losses.

import type { DType } from "../core/dtype.js";
import { AlreadyExistsError, InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { checkOptions, splitOptions, type Trailing } from "../core/options.js";
import { getDefaultDtype } from "../core/promotion.js";
import { formatShape, type Shape, sizeOf } from "../core/shape.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import { type MinimizeOptions, setStaticUpdates } from "../optimizer/static-updates.js";
import type { Parameter } from "../param/parameter.js";
import { VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { capturing, isStaticMode } from "../trace/bind.js";
import { walk } from "../trace/tape.js";
import { publicExtent, standIn } from "../core/extents.js";
import { buildingIn, defaultMainProgram, defaultStartupProgram } from "./mode.js";
import { programOf } from "./owners.js";
import { Program } from "./program.js";
import { showRate } from "./rates.js";
import type { UpdatePlan } from "./variants.js";

/** Options of {@link data}. */
export interface DataOptions {
  readonly dtype?: DType | undefined;
  readonly lodLevel?: number | undefined;
}

/**
 * Declares an input of the default main Program; -1 (or null) stands for an extent known only when it is fed.
 *
 * @throws AlreadyExistsError when the name is taken; PreconditionNotMetError outside static mode.
 */
export function data(name: string, shape: readonly (number | null)[], ...rest: Trailing<DType, DataOptions>): Tensor {
  const { dtype = getDefaultDtype() } = splitOptions<DataOptions>("static.data", rest, ["dtype", "lodLevel"]);
  if (!isStaticMode())
    throw new PreconditionNotMetError("static mode is off.", { op: "static.data", hint: "call enableStatic() first." });
  const program = defaultMainProgram();
  if (program.block.vars.has(name))
    throw new AlreadyExistsError(`the Program has a variable "${name}" already.`, { op: "static.data", name });
  const declared: Shape = shape.map((n) => n ?? -1);
  return program.add(new VarDesc(name, standIn(declared), dtype, false, true));
}

/** Gradients by parameter, as {@link appendBackward} returns them. */
export type ParameterGradients = [Parameter, Tensor][];

/** Options of {@link appendBackward}. */
export interface BackwardOptions {
  /** Only these parameters; by default every trainable one of the Program. */
  readonly parameterList?: readonly (Tensor | string)[] | null | undefined;
  /** No gradient flows through these: variables or names. */
  readonly noGradSet?: Iterable<Tensor | string> | null | undefined;
  /** Accepted for Paddle's sake. */
  readonly callbacks?: unknown;
  /** Accepted for Paddle's sake. */
  readonly checkpoints?: unknown;
}

const variableOf = (program: Program, v: Tensor | string): Tensor =>
  typeof v === "string" ? program.globalBlock().var(v) : v;

/**
 * Appends the gradients of a loss to its Program.
 *
 * @returns each parameter that leads to the loss with its gradient; gradients can be fetched as `NAME@GRAD`
 * @throws InvalidArgumentError when the loss has more than one element.
 * @example
 * ```ts
 * import { disableStatic, enableStatic, mean, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * static_.programGuard(main, startup, () => {
 *   const loss = mean(static_.nn.fc(static_.data("x", [-1, 4]), 2));
 *   console.log(static_.appendBackward(loss).length); // 2
 * });
 * disableStatic();
 * ```
 */
export function appendBackward(loss: Tensor, options: BackwardOptions = {}): ParameterGradients {
  const o = checkOptions<BackwardOptions>("appendBackward", options, [
    "parameterList",
    "noGradSet",
    "callbacks",
    "checkpoints",
  ]);
  const program = programOf(loss, "appendBackward");
  const wanted = o.parameterList?.map((p) => variableOf(program, p)) ?? program.allParameters();
  return backwardInto(program, loss, wanted as Parameter[], o.noGradSet ?? []);
}

function backwardInto(
  program: Program,
  loss: Tensor,
  wanted: readonly Parameter[],
  noGradSet: Iterable<Tensor | string>,
): ParameterGradients {
  if (sizeOf(loss.shape) !== 1) {
    throw new InvalidArgumentError(
      `the loss must have one element, it is ${formatShape(Array.from(loss.shape, publicExtent))}.`,
      { op: "appendBackward", hint: "take its mean or sum." },
    );
  }
  const trainable = wanted.filter((p) => !p.stopGradient);
  // Gradients of variables in between can be fetched, too; those that nobody fetches are not computed.
  const between = [...program.trace.handles.values()].filter((v) => v.source && !v.stopGradient);
  const found = backwardOf(program, [loss], [undefined], [...trainable, ...between], noGradSet);
  return trainable.flatMap((p): ParameterGradients => {
    const g = found.get(p) as Tensor | undefined;
    return g ? [[p, g]] : [];
  });
}

/** Options of {@link gradients}. */
export interface GradientOptions {
  /** Gradients of the targets; ones by default. */
  readonly targetGradients?: Tensor | readonly (Tensor | null)[] | null | undefined;
  /** No gradient flows through these: variables or names. */
  readonly noGradSet?: Iterable<Tensor | string> | null | undefined;
}

/** Gradients of targets with respect to inputs, appended to the Program; null where none flows. */
export function gradients(
  targets: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  ...rest: Trailing<Tensor | readonly (Tensor | null)[] | null, GradientOptions>
): (Tensor | null)[] {
  const options = splitOptions<GradientOptions>("gradients", rest, ["targetGradients", "noGradSet"]);
  const roots = Array.isArray(targets) ? (targets as Tensor[]) : [targets as Tensor];
  const wanted = Array.isArray(inputs) ? (inputs as Tensor[]) : [inputs as Tensor];
  const given = options.targetGradients;
  const seeds = Array.isArray(given)
    ? given.map((g) => g ?? undefined)
    : [(given as Tensor | null | undefined) ?? undefined];
  const program = programOf(roots[0]!, "gradients");
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
  // Variables that were told to stop gradients after an op had read them stop them, too: flags count as they are now.
  const told = [...program.trace.handles.values()].filter((v) => v.stopGradient);
  const frozen = program.allParameters().filter((p) => p.stopGradient);
  const stops = [...told, ...frozen, ...[...noGrad].map((v) => variableOf(program, v))];
  const found = program.trace.as("backward", () =>
    capturing(program.trace, () => walk(roots, seeds, { retainGraph: true, createGraph: true, inputs: wanted, stops })),
  );
  for (const [x, g] of found)
    if (x.symbol && g.symbol) program.gradients.set(`${x.symbol.name}@GRAD`, g.symbol as VarDesc);
  return found;
}

/** Appends backward and update ops for a static loss: what `optimizer.minimize` does in static mode. */
export function minimizeStatic(optimizer: Optimizer, loss: Tensor, options: MinimizeOptions): [[], ParameterGradients] {
  const program = programOf(loss, "minimize");
  const startup = options.startupProgram instanceof Program ? options.startupProgram : program.startup;
  const named = options.parameters?.map((p) => variableOf(program, p) as Parameter);
  const given = named ?? (optimizer.parameters.length > 0 ? optimizer.parameters : undefined);
  const parameters = [...(given ?? program.allParameters())];
  const append: UpdatePlan["append"] = (into, of): ParameterGradients =>
    buildingIn(into, startup ?? defaultStartupProgram(), () => {
      const blocked = [...(options.noGradSet ?? [])].map((v) => (typeof v === "string" || !of ? v : of(v)));
      // A Program whose parameters were all frozen since it was built runs forward only.
      if (of && parameters.every((p) => p.stopGradient)) return [];
      const pairs = backwardInto(into, of?.(loss) ?? loss, parameters, blocked);
      if (pairs.length === 0)
        throw new InvalidArgumentError("no trainable parameter leads to the loss.", { op: "minimize" });
      showRate(into, optimizer);
      // Paddle's order: by name.
      const sorted = [...pairs].sort(([a], [b]) => (a.name < b.name ? -1 : 1));
      into.trace.as("optimize", () => capturing(into.trace, () => optimizer.applyGradients(sorted)));
      return pairs;
    });
  const settings = (): string =>
    `${parameters.map((p) => (p.stopGradient ? "0" : "1")).join("")}${optimizer.settingsKey(parameters)}`;
  const from = program.block.ops.length;
  const { trace } = program;
  const [scalars, actions] = [trace.scalars.length, trace.beforeRun.length];
  const pairs = append(program);
  program.updates.push({
    optimizer,
    parameters,
    from,
    to: program.block.ops.length,
    latest: new Map(program.trace.latest),
    gradients: new Map(program.gradients),
    append,
    settings,
    built: settings(),
    scalars: new Set(trace.scalars.slice(scalars)),
    beforeRun: new Set(trace.beforeRun.slice(actions)),
    frozen: new Set(parameters.filter((p) => p.stopGradient)),
  });
  return [[], pairs];
}

setStaticUpdates({
  minimize: minimizeStatic,
  append: (fn) => {
    const { trace } = defaultMainProgram();
    return trace.as("optimize", () => capturing(trace, fn));
  },
  parameters: () => defaultMainProgram().allParameters(),
});
