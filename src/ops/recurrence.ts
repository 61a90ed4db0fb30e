// Ops: one direction of one recurrent layer over all its time steps, and its gradient.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, type OpSample } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { sumTo } from "./broadcast.js";
import { rowProductsOp } from "./matmul.js";
import { type CellMode, cells } from "./recurrence-cells.js";
import { emitBackward, emitForward, type LayerAttrs } from "./recurrence-kernels.js";

/** How a layer runs through its sequences. */
const layerAttrs = {
  mode: fixed<CellMode>("LSTM"),
  /** From the last step to the first. */
  reverse: fixed(false),
  /** `[time, batch, …]`, or `[batch, time, …]`. */
  timeMajor: fixed(false),
  /** Steps after a sequence's length give 0, or (false) what the cell makes of the kept state. */
  zeroPadding: fixed(true),
};

const op = "rnn";

/** Extents of a layer from its gates' inputs and its weight. Throws InvalidArgument for what does not fit. */
function requireShapes(x: InferInput, weight: InferInput, a: LayerAttrs) {
  const { gates, states } = cells[a.mode];
  if (x.dtype !== "float32" && x.dtype !== "float64")
    throw new InvalidArgumentError(`needs float32 or float64, got ${x.dtype}.`, { op, dtype: x.dtype });
  if (x.shape.length !== 3)
    throw new InvalidArgumentError(`needs three axes (time, batch, features), got ${formatShape(x.shape)}.`, { op });
  const hidden = weight.shape[1]!;
  if (weight.shape[0] !== gates * hidden || (x.shape[2]! >= 0 && x.shape[2] !== gates * hidden))
    throw new InvalidArgumentError(
      `${a.mode} has ${gates} gates: for weight ${formatShape(weight.shape)} the gates' input must be ${gates * hidden} wide, got ${formatShape(x.shape)}.`,
      { op },
    );
  return { outer: x.shape.slice(0, 2), state: [states, x.shape[a.timeMajor ? 1 : 0]!, hidden], hidden };
}

function requireState(state: InferInput | undefined, want: readonly number[]): void {
  if (!state) return;
  const { shape } = state;
  if (shape.length === 3 && shape.every((n, i) => n < 0 || want[i]! < 0 || n === want[i])) return;
  throw new InvalidArgumentError(`initial states are ${formatShape(shape)} instead of ${formatShape(want)}.`, { op });
}

/** Cases of both ops: every cell, forward and reversed, with sequences that end early. */
const samples = (inputs: (mode: CellMode) => OpSample["inputs"]): OpSample[] =>
  (Object.keys(cells) as CellMode[]).flatMap((mode) =>
    [true, false].map((timeMajor) => ({
      inputs: inputs(mode),
      attrs: { mode, reverse: !timeMajor, timeMajor, zeroPadding: timeMajor },
    })),
  );

const lengths = { shape: [3], data: [3, 1, 2], dtype: "int64" } as const;
const units = 18;

/**
 * One direction of one recurrent layer. `x` holds the gates' inputs of all steps (`W x + b`), `weight` `[gates · hidden, hidden]` and `bias`
 * what is applied to the hidden state. `state` and `last` are `[states, batch, hidden]`; without `state` all start at 0. `before` holds
 * the hidden state before each step and `kept` what the gradient needs of it.
 */
export const rnnLayerOp = defineOp({
  name: "rnn_layer",
  inputs: ["x", "weight", "bias", "state?", "lengths?"],
  outputs: ["out", "last", "before", "kept"],
  attrs: layerAttrs,
  infer: ({ x, weight, state }, attrs) => {
    const { outer, hidden, state: shape } = requireShapes(x, weight, attrs);
    requireState(state, shape);
    const { dtype } = x;
    const each = { shape: [...outer, hidden], dtype };
    const kept = { shape: [...outer, cells[attrs.mode].kept * hidden], dtype };
    return { outs: { out: each, last: { shape, dtype }, before: each, kept } };
  },
  kernel: (b, inputs, outs, attrs) => emitForward(b, inputs, outs, attrs),
  saves: ["before", "kept", "weight", "lengths"],
  grad: ({ before, kept, weight, lengths }, d, { attrs, meta }) => {
    let made: readonly Value[] | undefined;
    const all = (): readonly Value[] => {
      made ??= bind(rnnLayerGradOp, [before, kept, weight, d.out, d.last, lengths], attrs);
      return made;
    };
    const atProduct = (): Value => all()[cells[attrs.mode].separate ? 1 : 0]!;
    return {
      x: () => all()[0]!,
      weight: () => bind1(rowProductsOp, [atProduct(), before]),
      bias: () => sumTo(atProduct(), meta.bias),
      state: () => all()[2]!,
    };
  },
  check: {
    domain: [-1, 1],
    noGradCheck:
      "two outputs exist for the gradient and give none; recurrence.test compares the others with differences",
    samples: [
      ...samples((mode) => {
        const width = cells[mode].gates * units;
        return [[3, 3, width], [width, units], [width], [cells[mode].states, 3, units], lengths];
      }),
      { inputs: [[2, 3, 8], [8, 2], [8], undefined, undefined], attrs: { mode: "LSTM", timeMajor: true } },
    ],
  },
});

/**
 * The gradient of {@link rnnLayerOp}: of the gates' inputs, of the products with the hidden state (empty where that is the same), and of
 * the initial states. Differentiated no further, as in Paddle.
 */
export const rnnLayerGradOp = defineOp({
  name: "rnn_layer_grad",
  inputs: ["before", "kept", "weight", "d", "dlast", "lengths?"],
  outputs: ["dx", "dh", "dstate"],
  attrs: layerAttrs,
  infer: ({ before, weight, dlast }, { mode }) => {
    const { dtype } = before;
    const shape = [...before.shape.slice(0, 2), weight.shape[0]!];
    const dh = { shape: cells[mode].separate ? shape : [0], dtype };
    return { outs: { dx: { shape, dtype }, dh, dstate: { shape: dlast.shape, dtype } } };
  },
  kernel: (b, inputs, outs, attrs) => emitBackward(b, inputs, outs, attrs),
  grad: "refused",
  check: {
    domain: [-1, 1],
    samples: samples((mode) => {
      const { gates, states, kept } = cells[mode];
      const each = [3, 3, units];
      return [each, [3, 3, kept * units], [gates * units, units], each, [states, 3, units], lengths];
    }),
  },
});

/** What {@link rnnLayer} takes. */
export interface RnnLayerInput<T> {
  readonly x: T;
  readonly weight: T;
  readonly bias: T;
  readonly state?: T | undefined;
  readonly lengths?: T | undefined;
}

/** One direction of a recurrent layer: outputs of all steps, and the last states `[states, batch, hidden]`. */
export function rnnLayer<T extends Value>(input: RnnLayerInput<T>, attrs: LayerAttrs): [out: T, last: T] {
  const { x, weight, bias, state, lengths } = input;
  const [out, last] = bind(rnnLayerOp, [x, weight, bias, state, lengths], { ...attrs });
  return [out as T, last as T];
}
