// SimpleRNN, LSTM and GRU: stacks of recurrent layers, in one direction or both.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { concat, slice, stack } from "../../ops/concat.js";
import { swapAxes } from "../../ops/movement.js";
import { dropoutMaskOp, keepOp } from "../../ops/random-dropout.js";
import { generatorFor } from "../../ops/random-state.js";
import { squeeze } from "../../ops/views.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import { bind, bind1 } from "../../trace/bind.js";
import { LayerList } from "../containers.js";
import { dropout } from "../functional/dropout.js";
import { pythonName } from "../names.js";
import { BiRNN, RNN, runWhole, type SequenceOptions, sequenceKeys } from "./rnn.js";
import {
  type CellOptions,
  cellKeys,
  type GatedCell,
  GRUCell,
  LSTMCell,
  type LSTMStates,
  simpleMode,
  SimpleRNNCell,
  type States,
} from "./rnn-cells.js";

/** Options that SimpleRNN, LSTM and GRU share. */
export interface RecurrentOptions extends CellOptions {
  /** Layers one on top of the other; default 1. */
  readonly numLayers?: number | undefined;
  /** "forward" (default), or "bidirect" / "bidirectional". */
  readonly direction?: "forward" | "bidirect" | "bidirectional" | undefined;
  /** Inputs and outputs are `[time, batch, …]`, not `[batch, time, …]`. */
  readonly timeMajor?: boolean | undefined;
  /** Probability of dropping between layers while training; default 0. One mask serves all gaps, as in Paddle. */
  readonly dropout?: number | undefined;
}

const optionKeys = ["numLayers", "direction", "timeMajor", "dropout", ...cellKeys] as const;

/** A stack of layers. States are `[layers · directions, batch, hidden]`, the directions of a layer side by side. */
export abstract class RecurrentStack<S extends States> extends LayerList<RNN | BiRNN> {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numDirections: 1 | 2;
  readonly timeMajor: boolean;
  readonly dropout: number;
  /** What every state of a layer is, in the order of the cell. */
  private readonly components: 1 | 2;

  constructor(
    scope: string | null,
    sizes: readonly [input: number, hidden: number, output: number],
    components: 1 | 2,
    o: RecurrentOptions,
    makeCell: (inputSize: number) => GatedCell,
  ) {
    super([], scope);
    const { numLayers = 1, direction = "forward", timeMajor = false } = o;
    const names: readonly string[] = ["forward", "bidirect", "bidirectional"];
    if (!names.includes(direction)) {
      throw new InvalidArgumentError(`direction must be one of ${names.join(", ")}, got ${String(direction)}.`, {
        op: this.fullName(),
      });
    }
    if (!Number.isInteger(numLayers) || numLayers < 1)
      throw new InvalidArgumentError(`numLayers must be above 0, got ${numLayers}.`, { op: this.fullName() });
    [this.inputSize, this.hiddenSize] = sizes;
    this.numLayers = numLayers;
    this.numDirections = direction === "forward" ? 1 : 2;
    this.timeMajor = timeMajor;
    this.dropout = o.dropout ?? 0;
    this.components = components;
    for (let i = 0; i < numLayers; i++) {
      const size = i === 0 ? this.inputSize : sizes[2] * this.numDirections;
      if (this.numDirections === 1) this.append(new RNN(makeCell(size), { timeMajor }));
      else this.append(new BiRNN(makeCell(size), makeCell(size), { timeMajor }));
    }
    this.nameParameters(o);
  }

  /** Paddle's second names: all parameters in order, whatever they are, under `weight_ih_l0`, `weight_hh_l0` … */
  private nameParameters(o: RecurrentOptions): void {
    const parts = ["weightIh", "weightHh"];
    if (o.biasIhAttr !== false) parts.push("biasIh");
    if (o.biasHhAttr !== false) parts.push("biasHh");
    const names: string[] = [];
    for (let layer = 0; layer < this.numLayers; layer++)
      for (const suffix of ["", "Reverse"].slice(0, this.numDirections))
        names.push(...parts.map((name) => `${name}L${layer}${suffix}`));
    const parameters: readonly Parameter[] = this.parameters();
    names.forEach((name, i) => {
      if (parameters[i]) this.addParameter(name, parameters[i]);
    });
  }

  protected override stateKey(field: string): string {
    return pythonName(field);
  }

  /** The cells in the order of the states. */
  private cells(): GatedCell[] {
    return [...this].flatMap((layer) =>
      layer instanceof RNN ? [layer.cell] : [layer.cellFw, layer.cellBw],
    ) as GatedCell[];
  }

  override forward(inputs: Tensor, ...rest: Trailing<S | null, SequenceOptions<S>>): [Tensor, S] {
    const o = splitOptions<SequenceOptions<S>>(this.fullName(), rest, sequenceKeys);
    const given = o.initialStates ?? undefined;
    const list = given === undefined ? undefined : ((Array.isArray(given) ? given : [given]) as readonly Tensor[]);
    const lengths = o.sequenceLength ?? undefined;
    const cells = this.cells();
    const distinct = new Set(this.parameters()).size === cells.length * 4;
    if (distinct && cells.every((cell) => cell.runsWhole)) return this.whole(inputs, list, lengths, cells);
    return this.byLayers(inputs, list, lengths);
  }

  /** Each layer's direction as one op. */
  private whole(
    inputs: Tensor,
    states: readonly Tensor[] | undefined,
    lengths: Tensor | undefined,
    cells: readonly GatedCell[],
  ): [Tensor, S] {
    const drops = this.training && this.dropout > 0 && this.numLayers > 1;
    // The mask is drawn in the order time, batch, features.
    const turned = drops && !this.timeMajor;
    const timeMajor = turned || this.timeMajor;
    let x = turned ? swapAxes(inputs, 0, 1) : inputs;
    const lasts: Tensor[] = [];
    let mask: Tensor | undefined;
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (drops && layer > 0) [x, mask] = this.dropped(x, mask);
      const outs = [false, true].slice(0, this.numDirections).map((reverse, direction) => {
        const i = layer * this.numDirections + direction;
        const state =
          states &&
          concat(
            states.map((s) => part(s, i)),
            0,
          );
        const [out, last] = runWhole(cells[i]!, x, state, { reverse, timeMajor, zeroPadding: true, lengths });
        lasts.push(last);
        return out;
      });
      x = outs.length === 1 ? outs[0]! : concat(outs, 2);
    }
    const finals = Array.from({ length: this.components }, (_, s) =>
      concat(
        lasts.map((last) => part(last, s)),
        0,
      ),
    );
    return [turned ? swapAxes(x, 0, 1) : x, this.result(finals)];
  }

  /** Dropout between layers: kept elements are divided by 1 - p; the first gap's mask is everyone's. */
  private dropped(x: Tensor, mask: Tensor | undefined): [Tensor, Tensor] {
    const p = Math.fround(this.dropout);
    const own = mask ?? (bind(dropoutMaskOp, [x, generatorFor(0, "rnn")], { p, axes: null })[0] as Tensor);
    return [bind1(keepOp, [x, own], { divisor: Math.fround(1 - p) }) as Tensor, own];
  }

  /** Layer after layer, with steps that may be anything; dropout draws a mask for each gap. */
  private byLayers(inputs: Tensor, states: readonly Tensor[] | undefined, lengths: Tensor | undefined): [Tensor, S] {
    let x = inputs;
    const lasts: Tensor[][] = [];
    [...this].forEach((layer, i) => {
      if (i > 0) x = dropout(x, { p: this.dropout, training: this.training });
      const initial = [0, 1].slice(0, this.numDirections).map((direction): States | undefined => {
        const own = states?.map((s) => squeeze(part(s, i * this.numDirections + direction), [0]));
        return own?.length === 1 ? own[0] : own;
      });
      const options = {
        sequenceLength: lengths,
        initialStates: states && (layer instanceof RNN ? initial[0] : initial),
      };
      const [out, last] = (layer as RNN)(x, options as SequenceOptions);
      x = out as Tensor;
      const each = layer instanceof RNN ? [last] : (last as readonly States[]);
      for (const state of each) lasts.push((Array.isArray(state) ? state : [state]) as Tensor[]);
    });
    const finals = Array.from({ length: this.components }, (_, s) =>
      stack(
        lasts.map((last) => last[s]!),
        0,
      ),
    );
    return [x, this.result(finals)];
  }

  /** One tensor, or the tuple of them. */
  private result(finals: readonly Tensor[]): S {
    return (finals.length === 1 ? finals[0]! : finals) as S;
  }

  override extraRepr(): string {
    const layers = this.numLayers === 1 ? "" : `, num_layers=${this.numLayers}`;
    const time = this.timeMajor ? ", time_major=True" : "";
    return `${this.inputSize}, ${this.hiddenSize}${layers}${time}${this.dropout === 0 ? "" : `, dropout=${this.dropout}`}`;
  }
}

/** Part `i` along the first axis. */
const part = (x: Tensor, i: number): Tensor => slice(x, [0], [i], [i + 1]);

/** Options of {@link SimpleRNN}. */
export interface SimpleRNNOptions extends RecurrentOptions {
  /** "tanh" (default) or "relu". */
  readonly activation?: "tanh" | "relu" | undefined;
}

/**
 * Layers of `h' = tanh(x W_ihᵀ + b_ih + h W_hhᵀ + b_hh)` along sequences `[batch, time, inputSize]`. Gives the last layer's outputs of every
 * step and the last states `[layers · directions, batch, hiddenSize]`. Steps behind a sequence's end give 0.
 *
 * @throws InvalidArgumentError for sizes and numbers of layers below 1, unknown directions and activations.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const [out, h] = new nn.SimpleRNN(16, 32, 2)(randn([4, 23, 16]));
 * console.log(out.shape, h.shape); // [4, 23, 32] [2, 4, 32]
 * ```
 */
export class SimpleRNN extends RecurrentStack<Tensor> {
  readonly activation: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, ...rest: Trailing<number, SimpleRNNOptions>) {
    const keys = [...optionKeys.slice(0, 4), "activation", ...cellKeys] as const;
    const o = splitOptions<SimpleRNNOptions>("SimpleRNN", rest, keys as readonly (keyof SimpleRNNOptions)[]);
    const { activation = "tanh" } = o;
    simpleMode(activation);
    super(
      new.target === SimpleRNN ? "simple_rnn" : null,
      [inputSize, hiddenSize, hiddenSize],
      1,
      o,
      (size) => new SimpleRNNCell(size, hiddenSize, { ...attrsOf(o), activation }),
    );
    this.activation = activation;
  }
}

/** The attributes that every cell gets. */
const attrsOf = (o: CellOptions): CellOptions =>
  Object.fromEntries(cellKeys.filter((key) => key !== "name").map((key) => [key, o[key]]));

/** Options of {@link LSTM}. */
export interface LSTMOptions extends RecurrentOptions {
  /** Size that hidden states are projected to; 0 (default): they are not. */
  readonly projSize?: number | undefined;
}

/**
 * Layers of long short-term memory along sequences `[batch, time, inputSize]`; see {@link LSTMCell}. Gives the last layer's outputs of every
 * step and the last states `[h, c]`, each `[layers · directions, batch, hiddenSize]`. Steps behind a sequence's end give 0.
 *
 * @throws InvalidArgumentError for sizes and numbers of layers below 1, unknown directions, and a projSize not below hiddenSize.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const lstm = new nn.LSTM(16, 32, { numLayers: 2, direction: "bidirect" });
 * const [out, [h, c]] = lstm(randn([4, 23, 16]));
 * console.log(out.shape, h.shape, c.shape); // [4, 23, 64] [4, 4, 32] [4, 4, 32]
 * ```
 */
export class LSTM extends RecurrentStack<LSTMStates> {
  readonly projSize: number;

  constructor(inputSize: number, hiddenSize: number, ...rest: Trailing<number, LSTMOptions>) {
    const keys = [...optionKeys.slice(0, 8), "projSize", "name"] as readonly (keyof LSTMOptions)[];
    const o = splitOptions<LSTMOptions>("LSTM", rest, keys);
    const { projSize = 0 } = o;
    super(
      new.target === LSTM ? "lstm" : null,
      [inputSize, hiddenSize, projSize || hiddenSize],
      2,
      o,
      (size) => new LSTMCell(size, hiddenSize, { ...attrsOf(o), projSize }),
    );
    this.projSize = projSize;
  }
}

/**
 * Layers of gated recurrent units along sequences `[batch, time, inputSize]`; see {@link GRUCell}. Gives the last layer's outputs of every
 * step and the last states `[layers · directions, batch, hiddenSize]`. Steps behind a sequence's end give 0.
 *
 * @throws InvalidArgumentError for sizes and numbers of layers below 1, and unknown directions.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const [out, h] = new nn.GRU(16, 32, 2)(randn([4, 23, 16]));
 * console.log(out.shape, h.shape); // [4, 23, 32] [2, 4, 32]
 * ```
 */
export class GRU extends RecurrentStack<Tensor> {
  constructor(inputSize: number, hiddenSize: number, ...rest: Trailing<number, RecurrentOptions>) {
    const o = splitOptions<RecurrentOptions>("GRU", rest, optionKeys);
    super(
      new.target === GRU ? "gru" : null,
      [inputSize, hiddenSize, hiddenSize],
      1,
      o,
      (size) => new GRUCell(size, hiddenSize, attrsOf(o)),
    );
  }
}
