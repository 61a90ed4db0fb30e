// Recurrent cells: what one time step computes; SimpleRNNCell, LSTMCell, GRUCell and the base of users' own.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError, UnimplementedError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, type Shape } from "../../core/shape.js";
import { add, multiply } from "../../ops/arithmetic.js";
import { sigmoid, tanh } from "../../ops/activation.js";
import { concat, slice } from "../../ops/concat.js";
import { full } from "../../ops/creation.js";
import { matmul } from "../../ops/matmul.js";
import { rnnLayer } from "../../ops/recurrence.js";
import { type CellMode, cells } from "../../ops/recurrence-cells.js";
import { squeeze, unsqueeze } from "../../ops/views.js";
import type { AttrLike } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Constant } from "../initializer/constant.js";
import { Uniform } from "../initializer/uniform.js";
import { Layer } from "../layer.js";
import { pythonName } from "../names.js";

/** A tensor, or any nesting of them: what a cell carries from step to step. */
export type States = Tensor | readonly States[];

/** A shape, or any nesting of them. */
export type StateShapes = Shape | readonly StateShapes[];

/** `f` of every tensor of a nesting, or of the tensors at the same places of two. */
export function mapStates(f: (x: Tensor, y: Tensor) => Tensor, x: States, y: States = x): States {
  if (!Array.isArray(x)) return f(x as Tensor, y as Tensor);
  return (x as readonly States[]).map((each, i) => mapStates(f, each, (y as readonly States[])[i]!));
}

/** Options of `getInitialStates`. */
export interface InitialStatesOptions {
  /** Shapes without the batch; by default the cell's `stateShape`. */
  readonly shape?: StateShapes | null | undefined;
  /** By default the dtype of the cell. */
  readonly dtype?: DType | null | undefined;
  readonly initValue?: number | undefined;
  /** The axis of `batchRef` that is the batch. */
  readonly batchDimIdx?: number | undefined;
}

/** The base of cells: give it `stateShape` and `forward(inputs, states)`, which returns outputs and new states; run it with `RNN`. */
export class RNNCellBase extends Layer {
  /** Shapes of the states without the batch: one, or a nesting. Write it in each subclass that is run without initial states. */
  get stateShape(): StateShapes {
    throw new UnimplementedError("the cell has no stateShape.", {
      op: this.fullName(),
      hint: "add `get stateShape()` to your cell, or pass initialStates.",
    });
  }

  /**
   * States to begin with, of one number, for the batch of `batchRef`.
   *
   * @throws UnimplementedError when neither `shape` nor the cell's `stateShape` says what they look like.
   */
  getInitialStates(batchRef: Tensor, ...rest: Trailing<StateShapes | null, InitialStatesOptions>): States {
    const keys = ["shape", "dtype", "initValue", "batchDimIdx"] as const;
    const o = splitOptions<InitialStatesOptions>("getInitialStates", rest, keys);
    const batch = batchRef.shape[o.batchDimIdx ?? 0]!;
    const make = (shape: StateShapes): States => {
      if (!shape.every((n) => typeof n === "number")) return (shape as readonly StateShapes[]).map(make);
      const own = (shape[0] === -1 ? shape.slice(1) : shape) as Shape;
      return full([batch, ...own], o.initValue ?? 0, o.dtype ?? this.dtype) as Tensor;
    };
    return make(o.shape ?? this.stateShape);
  }
}

/** Options that all built-in cells share. */
export interface CellOptions {
  /** False: ones that do not train. */
  readonly weightIhAttr?: AttrLike;
  /** False: ones that do not train. */
  readonly weightHhAttr?: AttrLike;
  /** False: zeros that do not train. */
  readonly biasIhAttr?: AttrLike;
  /** False: zeros that do not train. */
  readonly biasHhAttr?: AttrLike;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

/** Keys of {@link CellOptions}. */
export const cellKeys = ["weightIhAttr", "weightHhAttr", "biasIhAttr", "biasHhAttr", "name"] as const;

const one = new Constant(1);
const zero = new Constant(0);

/** What the built-in cells share: four parameters, and a step as one op. */
export abstract class GatedCell extends RNNCellBase {
  readonly inputSize: number;
  readonly hiddenSize: number;
  /** Which arithmetic of gates. */
  abstract readonly mode: CellMode;
  weightIh: Parameter;
  weightHh: Parameter;
  biasIh: Parameter;
  biasHh: Parameter;

  constructor(
    scope: string | null,
    inputSize: number,
    hiddenSize: number,
    gates: number,
    stateSize: number,
    o: CellOptions,
  ) {
    super(scope);
    if (!Number.isInteger(hiddenSize) || hiddenSize <= 0 || !Number.isInteger(inputSize) || inputSize < 0) {
      throw new InvalidArgumentError(`hiddenSize must be above 0, got ${hiddenSize}; inputSize ${inputSize}.`, {
        op: this.fullName(),
      });
    }
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    const rows = gates * hiddenSize;
    this.weightIh = this.weight([rows, inputSize], o.weightIhAttr, false);
    this.weightHh = this.weight([rows, stateSize], o.weightHhAttr, false);
    this.biasIh = this.weight([rows], o.biasIhAttr, true);
    this.biasHh = this.weight([rows], o.biasHhAttr, true);
  }

  /** A parameter that starts uniform in ±1/√hidden; for a false attribute a constant that does not train. */
  protected weight(shape: Shape, attr: AttrLike, isBias: boolean): Parameter {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    if (attr !== false)
      return this.requireParameter(shape, { attr, isBias, defaultInitializer: new Uniform(-bound, bound) });
    const fixed = this.requireParameter(shape, { isBias, defaultInitializer: isBias ? zero : one });
    fixed.stopGradient = true;
    return fixed;
  }

  protected override stateKey(field: string): string {
    return pythonName(field);
  }

  override get stateShape(): StateShapes {
    return cells[this.mode].states === 1 ? [this.hiddenSize] : [[this.hiddenSize], [this.hiddenSize]];
  }

  /** Whether a whole sequence can run as one op: the step is the built-in one, and no hook waits for it. */
  abstract get runsWhole(): boolean;

  /** What the gates take from the input: `x weightIhᵀ + biasIh`, over any leading axes. */
  gateInput(x: Tensor): Tensor {
    return add<Tensor>(matmul<Tensor>(x, this.weightIh, false, true), this.biasIh);
  }

  /** One step of a batch: the new hidden state, and the new states `[states, batch, hidden]`. */
  protected step(inputs: Tensor, state: Tensor | undefined): [Tensor, Tensor] {
    if (inputs.shape.length !== 2)
      throw new InvalidArgumentError(`needs [batch, features], got ${formatShape(inputs.shape)}.`, {
        op: this.fullName(),
      });
    const x = unsqueeze(this.gateInput(inputs), [0]);
    const attrs = { mode: this.mode, reverse: false, timeMajor: true, zeroPadding: true };
    const [out, last] = rnnLayer<Tensor>({ x, weight: this.weightHh, bias: this.biasHh, state }, attrs);
    return [squeeze(out, [0]), last];
  }

  /** A step of a cell whose only state is its output. */
  protected oneState(inputs: Tensor, rest: readonly unknown[]): [Tensor, Tensor] {
    const { states } = splitOptions<StepOptions<Tensor>>(this.fullName(), rest, ["states"]);
    const [out] = this.step(inputs, states ? unsqueeze(states, [0]) : undefined);
    return [out, out];
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}`;
  }
}

/** What a cell may be called with beside its input. */
export interface StepOptions<S> {
  /** The states before the step; by default zeros. */
  readonly states?: S | null | undefined;
}

/** Options of {@link SimpleRNNCell}. */
export interface SimpleRNNCellOptions extends CellOptions {
  /** "tanh" (default) or "relu". */
  readonly activation?: "tanh" | "relu" | undefined;
}

/** `RNN_TANH` or `RNN_RELU`. Throws InvalidArgument for another activation. */
export function simpleMode(activation: string): CellMode {
  if (activation === "tanh" || activation === "relu") return activation === "tanh" ? "RNN_TANH" : "RNN_RELU";
  throw new InvalidArgumentError(`activation must be "tanh" or "relu", got ${JSON.stringify(activation)}.`, {
    op: "SimpleRNNCell",
  });
}

/**
 * `h' = tanh(x weightIhᵀ + biasIh + h weightHhᵀ + biasHh)`. Call it with `[batch, inputSize]` and `{ states: h }`; it gives `[h', h']`.
 *
 * @throws InvalidArgumentError for sizes below 1 and unknown activations.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const cell = new nn.SimpleRNNCell(16, 32);
 * const [y, h] = cell(randn([4, 16]), { states: randn([4, 32]) });
 * console.log(y.shape, h.shape); // [4, 32] [4, 32]
 * ```
 */
export class SimpleRNNCell extends GatedCell {
  readonly activation: "tanh" | "relu";
  readonly mode: CellMode;

  constructor(inputSize: number, hiddenSize: number, ...rest: Trailing<"tanh" | "relu", SimpleRNNCellOptions>) {
    const o = splitOptions<SimpleRNNCellOptions>("SimpleRNNCell", rest, ["activation", ...cellKeys]);
    const mode = simpleMode(o.activation ?? "tanh");
    super(new.target === SimpleRNNCell ? "simple_rnn_cell" : null, inputSize, hiddenSize, 1, hiddenSize, o);
    this.activation = o.activation ?? "tanh";
    this.mode = mode;
  }

  override get runsWhole(): boolean {
    return !this.hasHooks && this.forward === SimpleRNNCell.prototype.forward;
  }

  override forward(inputs: Tensor, ...rest: Trailing<Tensor | null, StepOptions<Tensor>>): [Tensor, Tensor] {
    return this.oneState(inputs, rest);
  }

  override extraRepr(): string {
    return `${super.extraRepr()}${this.activation === "tanh" ? "" : `, activation=${this.activation}`}`;
  }
}

/** Options of {@link LSTMCell}. */
export interface LSTMCellOptions extends CellOptions {
  /** Size that the hidden state is projected to; 0 (default): it is not. */
  readonly projSize?: number | undefined;
}

/** The hidden state and the memory of an LSTM. */
export type LSTMStates = readonly [h: Tensor, c: Tensor];

/**
 * A step of a long short-term memory: `c' = σ(f) c + σ(i) tanh(g)`, `h' = σ(o) tanh(c')`, the gates i, f, g, o in this order in the rows of
 * the weights. It gives `[h', [h', c']]`.
 *
 * @throws InvalidArgumentError for sizes below 1, and a projSize that is not below hiddenSize.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const cell = new nn.LSTMCell(16, 32);
 * const [y, [h, c]] = cell(randn([4, 16]));
 * console.log(y.shape, h.shape, c.shape); // [4, 32] [4, 32] [4, 32]
 * ```
 */
export class LSTMCell extends GatedCell {
  readonly mode = "LSTM";
  readonly projSize: number;
  weightHo: Parameter | null = null;

  constructor(inputSize: number, hiddenSize: number, ...rest: Trailing<AttrLike, LSTMCellOptions>) {
    const o = splitOptions<LSTMCellOptions>("LSTMCell", rest, [...cellKeys.slice(0, 4), "projSize", "name"]);
    const { projSize = 0 } = o;
    if (!Number.isInteger(projSize) || projSize < 0 || projSize >= hiddenSize) {
      throw new InvalidArgumentError(`projSize must be from 0 to hiddenSize - 1, got ${projSize}.`, {
        op: "LSTMCell",
        hiddenSize,
      });
    }
    super(new.target === LSTMCell ? "lstm_cell" : null, inputSize, hiddenSize, 4, projSize || hiddenSize, o);
    this.projSize = projSize;
    if (projSize > 0) this.weightHo = this.weight([hiddenSize, projSize], o.weightHhAttr, false);
  }

  override get runsWhole(): boolean {
    return this.projSize === 0 && !this.hasHooks && this.forward === LSTMCell.prototype.forward;
  }

  override get stateShape(): StateShapes {
    return [[this.projSize || this.hiddenSize], [this.hiddenSize]];
  }

  override forward(
    inputs: Tensor,
    ...rest: Trailing<LSTMStates | null, StepOptions<LSTMStates>>
  ): [Tensor, LSTMStates] {
    const { states } = splitOptions<StepOptions<LSTMStates>>("LSTMCell", rest, ["states"]);
    if (this.weightHo) return this.projected(inputs, this.weightHo, states);
    const state = states ? concat([unsqueeze(states[0], [0]), unsqueeze(states[1], [0])], 0) : undefined;
    const [h, last] = this.step(inputs, state);
    return [h, [h, squeeze(slice(last, [0], [1], [2]), [0])]];
  }

  /** A step whose hidden state is multiplied by `weightHo`, by single ops. */
  private projected(inputs: Tensor, weight: Parameter, states: LSTMStates | null | undefined): [Tensor, LSTMStates] {
    const [before, memory] = states ?? (this.getInitialStates(inputs, { dtype: inputs.dtype }) as LSTMStates);
    const fromHidden = add<Tensor>(matmul<Tensor>(before, this.weightHh, false, true), this.biasHh);
    const gates = add(this.gateInput(inputs), fromHidden);
    const n = this.hiddenSize;
    const [i, f, g, o] = [0, 1, 2, 3].map((at) => slice(gates, [1], [at * n], [(at + 1) * n])) as Gates;
    const c = add(multiply(sigmoid(f), memory), multiply(sigmoid(i), tanh(g)));
    const h = matmul<Tensor>(multiply(sigmoid(o), tanh(c)), weight);
    return [h, [h, c]];
  }
}

type Gates = [Tensor, Tensor, Tensor, Tensor];

/**
 * A step of a gated recurrent unit: r, z = σ(…), `n = tanh(x_n + r h_n)`, `h' = z h + (1 - z) n`, the gates r, z, n in this order in the
 * rows of the weights. It gives `[h', h']`.
 *
 * @throws InvalidArgumentError for sizes below 1.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const [y, h] = new nn.GRUCell(16, 32)(randn([4, 16]));
 * console.log(y.shape, h.shape); // [4, 32] [4, 32]
 * ```
 */
export class GRUCell extends GatedCell {
  readonly mode = "GRU";

  constructor(inputSize: number, hiddenSize: number, ...rest: Trailing<AttrLike, CellOptions>) {
    const o = splitOptions<CellOptions>("GRUCell", rest, cellKeys);
    super(new.target === GRUCell ? "gru_cell" : null, inputSize, hiddenSize, 3, hiddenSize, o);
  }

  override get runsWhole(): boolean {
    return !this.hasHooks && this.forward === GRUCell.prototype.forward;
  }

  override forward(inputs: Tensor, ...rest: Trailing<Tensor | null, StepOptions<Tensor>>): [Tensor, Tensor] {
    return this.oneState(inputs, rest);
  }
}
