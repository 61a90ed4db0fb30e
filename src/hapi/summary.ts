// summary: what a network holds, layer by layer, and for each parameter every setting in force with where it came from.

import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, isOptions } from "../core/options.js";
import type { DType } from "../core/dtype.js";
import { formatShape, type Shape, sizeOf } from "../core/shape.js";
import type { Layer } from "../nn/layer.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import { full } from "../ops/creation.js";
import { Parameter } from "../param/parameter.js";
import { formatRate, rateNow } from "../param/rate.js";
import type { Resolved } from "../param/resolve.js";
import { Tensor } from "../tensor/tensor.js";
import { withGrad } from "../trace/tape.js";
import { formatTable } from "./table.js";

/** One shape, or one for each input of `forward`. */
export type InputSize = Shape | readonly Shape[];

/** Options of {@link summary}. */
export interface SummaryOptions {
  /** Shapes of the inputs; with them the network runs once on zeros and `layers` is filled. */
  readonly inputSize?: InputSize | undefined;
  /** dtype of the inputs, or one for each. */
  readonly dtypes?: DType | readonly DType[] | undefined;
  /** An input to run on in place of zeros. */
  readonly input?: Tensor | readonly Tensor[] | undefined;
  /** Whose settings are in force; without it only the parameters' own are known. */
  readonly optimizer?: Optimizer | undefined;
}

/** One layer that ran. */
export interface LayerRow {
  /** Structured name. */
  readonly name: string;
  /** Class and number of the run: `Linear-1`. */
  readonly layer: string;
  readonly inputShape: readonly Shape[];
  readonly outputShape: readonly Shape[];
  /** Elements of its own parameters. */
  readonly params: number;
}

/** One parameter with its settings in force. */
export interface ParameterRow {
  /** The first structured name. */
  readonly key: string;
  /** The parameter's name. */
  readonly name: string;
  readonly shape: Shape;
  /** The final rate; the parameter's factor when there is no optimizer. */
  readonly learningRate: Resolved<number>;
  readonly regularizer: Resolved<string>;
  readonly clip: Resolved<string>;
  readonly trainable: Resolved<boolean>;
  readonly initializer: Resolved<string>;
  /** All structured names, when there are several. */
  readonly sharedBy: readonly string[];
}

/** What {@link summary} gives. */
export interface Summary {
  readonly totalParams: number;
  readonly trainableParams: number;
  readonly layers: readonly LayerRow[] | undefined;
  readonly parameters: readonly ParameterRow[];
  /** The tables as text. */
  toString(): string;
}

/**
 * Counts parameters, and explains for each one its learning rate, regularizer, clipping, trainability and initializer, with the source
 * of each: `ParamAttr`, `group 0`, `optimizer`, `assigned`, `frozen`, `default`.
 *
 * @param inputSize shapes of the inputs (`[1, 4]`, or `[[1, 4], [1, 2]]`); with them every layer's shapes are shown
 * @throws InvalidArgumentError for an unknown option, or an input size that `forward` cannot take.
 * @example
 * ```ts
 * import { nn, optimizer, summary } from "oarjs";
 * const net = new nn.Linear(4, 2, { weightAttr: { learningRate: 0.1 } });
 * const opt = new optimizer.SGD({ learningRate: 0.5, parameters: net.parameters() });
 * console.log(summary(net, { optimizer: opt }).parameters[0]?.learningRate); // { value: 0.05, source: 'ParamAttr' }
 * ```
 */
export function summary(
  net: Layer,
  ...rest: [options?: SummaryOptions] | [inputSize: InputSize | undefined, options?: SummaryOptions]
): Summary {
  const first = rest[0];
  const bare = first === undefined || isOptions(first) ? undefined : (first as InputSize);
  const given = isOptions(first) ? (first as SummaryOptions) : rest[1];
  const o = checkOptions<SummaryOptions>("summary", given, ["inputSize", "dtypes", "input", "optimizer"]);
  const parameters = parameterRows(net, o.optimizer);
  const inputs = inputsOf(o.input, bare ?? o.inputSize, o.dtypes);
  const layers = inputs && layerRows(net, inputs);
  const all = net.parameters();
  const count = (list: readonly Parameter[]): number => list.reduce((n, p) => n + sizeOf(p.shape), 0);
  const totals = { totalParams: count(all), trainableParams: count(all.filter((p) => p.trainable)) };
  return { ...totals, layers, parameters, toString: () => format(totals, layers, parameters) };
}

function parameterRows(net: Layer, optimizer: Optimizer | undefined): ParameterRow[] {
  const keys = new Map<Parameter, string[]>();
  for (const [key, value] of Object.entries(net.stateDict())) {
    if (!(value instanceof Parameter)) continue;
    const list = keys.get(value);
    if (list) list.push(key);
    else keys.set(value, [key]);
  }
  return [...keys].map(([p, names]) => rowOf(p, names, optimizer));
}

function rowOf(p: Parameter, names: readonly string[], optimizer: Optimizer | undefined): ParameterRow {
  const settings = optimizer?.settingsOf(p);
  const outside: Resolved<string> = { value: "-", source: optimizer ? "not in the optimizer" : "no optimizer" };
  const decoupled = settings?.decoupledDecay;
  const coupled = settings?.regularizer.value ?? (settings ? null : p.regularizer);
  const decay = [coupled ? String(coupled) : "", decoupled?.value ? `decoupled ${decoupled.value}` : ""].filter(
    (s) => s !== "",
  );
  const decaySource =
    coupled || !decoupled ? (settings?.regularizer.source ?? p.sourceOf("regularizer")) : decoupled.source;
  return {
    key: names[0]!,
    name: p.name,
    shape: p.shape,
    learningRate: settings
      ? { value: settings.rate, source: settings.learningRate.source }
      : { value: rateNow(p.learningRate), source: p.sourceOf("learningRate") },
    regularizer: { value: decay.length > 0 ? decay.join(" + ") : "none", source: decaySource },
    clip: clipOf(p, settings?.clip, outside),
    trainable: { value: p.trainable, source: p.sourceOf("trainable") },
    initializer: { value: String(p.initializer ?? "-"), source: p.sourceOf("initializer") },
    sharedBy: names.length > 1 ? names : [],
  };
}

function clipOf(p: Parameter, clip: Resolved<unknown> | undefined, outside: Resolved<string>): Resolved<string> {
  if (!p.needClip) return { value: "no", source: p.sourceOf("needClip") };
  if (!clip) return outside;
  return { value: clip.value ? String(clip.value) : "none", source: clip.source };
}

function inputsOf(
  given: Tensor | readonly Tensor[] | undefined,
  size: InputSize | undefined,
  dtypes: DType | readonly DType[] = "float32",
): Tensor[] | undefined {
  if (given) return given instanceof Tensor ? [given] : [...given];
  if (size === undefined) return undefined;
  const shapes = (typeof size[0] === "number" || size.length === 0 ? [size] : size) as readonly Shape[];
  return shapes.map((shape, i) => {
    if (!shape.every((n) => Number.isInteger(n) && n >= 0))
      throw new InvalidArgumentError(`inputSize ${formatShape(shape)} must hold non-negative integers.`, {
        op: "summary",
      });
    const dtype = typeof dtypes === "string" ? dtypes : (dtypes[i] ?? "float32");
    return full(shape, 0, dtype) as Tensor;
  });
}

/** Runs the network once, in evaluation mode and without gradients, and notes every layer as it returns. */
function layerRows(net: Layer, inputs: readonly Tensor[]): LayerRow[] {
  const rows: LayerRow[] = [];
  const numbers = new Map<string, number>();
  const modes = net.sublayers(true).map((layer) => [layer, layer.training] as const);
  const hooks = [...net.namedSublayers({ includeSelf: true })].map(([name, layer]) =>
    layer.registerForwardPostHook((_, given, output) => {
      const kind = layer.constructor.name;
      numbers.set(kind, (numbers.get(kind) ?? 0) + 1);
      const params = layer.parameters(false).reduce((n, p) => n + sizeOf(p.shape), 0);
      rows.push({
        name,
        layer: `${kind}-${numbers.get(kind)}`,
        inputShape: shapesIn(given),
        outputShape: shapesIn([output]),
        params,
      });
    }),
  );
  try {
    net.eval();
    withGrad(false, () => Reflect.apply(net, undefined, inputs));
  } finally {
    for (const hook of hooks) hook.remove();
    for (const [layer, training] of modes) layer.training = training;
  }
  return rows;
}

/** Shapes of all tensors in values, lists of them too. */
const shapesIn = (values: readonly unknown[]): Shape[] =>
  values.flatMap((v) => (v instanceof Tensor ? [v.shape] : Array.isArray(v) ? shapesIn(v) : []));

type Totals = Pick<Summary, "totalParams" | "trainableParams">;

function format(totals: Totals, layers: readonly LayerRow[] | undefined, parameters: readonly ParameterRow[]): string {
  const shapes = (list: readonly Shape[]): string => list.map(formatShape).join(", ");
  const said = <T>({ value, source }: Resolved<T>): string => `${String(value)} (${source})`;
  const counts = [
    `Total params: ${totals.totalParams.toLocaleString("en-US")}`,
    `Trainable params: ${totals.trainableParams.toLocaleString("en-US")}`,
    `Non-trainable params: ${(totals.totalParams - totals.trainableParams).toLocaleString("en-US")}`,
  ];
  const layerTable = layers
    ? [
        formatTable(
          ["Layer (type)", "Input Shape", "Output Shape", "Param #"],
          layers.map((r) => [r.layer, shapes(r.inputShape), shapes(r.outputShape), r.params.toLocaleString("en-US")]),
        ),
      ]
    : [];
  const parameterTable = formatTable(
    ["Parameter", "Name", "Shape", "Learning rate", "Regularizer", "Clip", "Trainable", "Initializer", "Shared by"],
    parameters.map((r) => [
      r.key,
      r.name,
      formatShape(r.shape),
      `${formatRate(r.learningRate.value)} (${r.learningRate.source})`,
      said(r.regularizer),
      said(r.clip),
      said(r.trainable),
      said(r.initializer),
      r.sharedBy.join(", "),
    ]),
  );
  return [...layerTable, parameterTable, counts.join("\n")].join("\n\n");
}
