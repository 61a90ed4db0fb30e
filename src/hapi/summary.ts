// summary: what a network holds, layer by layer, and for each parameter every setting in force with where it came from.

import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, isOptions } from "../core/options.js";
import type { DType } from "../core/dtype.js";
import { formatShape, type Shape, sizeOf } from "../core/shape.js";
import { formatTable } from "../core/text-table.js";
import type { Layer } from "../nn/layer.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import {
  countParameters,
  formatParameters,
  type ParameterRow,
  parameterRow,
  type ParameterSummary,
} from "../optimizer/parameter-table.js";
import { full } from "../ops/creation.js";
import { Parameter } from "../param/parameter.js";
import { Tensor } from "../tensor/tensor.js";
import { withGrad } from "../trace/tape.js";

export type { ParameterRow };

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

/** What {@link summary} gives. */
export interface Summary extends ParameterSummary {
  /** Layers in the order they ran; undefined unless an input or its size was given. */
  readonly layers: readonly LayerRow[] | undefined;
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
  const totals = countParameters(net.parameters());
  const text = (): string =>
    [...(layers ? [formatLayers(layers)] : []), formatParameters(totals, parameters)].join("\n\n");
  return { ...totals, layers, parameters, toString: text };
}

function parameterRows(net: Layer, optimizer: Optimizer | undefined): ParameterRow[] {
  const keys = new Map<Parameter, string[]>();
  for (const [key, value] of Object.entries(net.stateDict())) {
    if (!(value instanceof Parameter)) continue;
    const list = keys.get(value);
    if (list) list.push(key);
    else keys.set(value, [key]);
  }
  return [...keys].map(([p, names]) => parameterRow(p, names, optimizer));
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

function formatLayers(layers: readonly LayerRow[]): string {
  const shapes = (list: readonly Shape[]): string => list.map(formatShape).join(", ");
  return formatTable(
    ["Layer (type)", "Input Shape", "Output Shape", "Param #"],
    layers.map((r) => [r.layer, shapes(r.inputShape), shapes(r.outputShape), r.params.toLocaleString("en-US")]),
  );
}
