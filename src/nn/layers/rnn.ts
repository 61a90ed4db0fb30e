// RNN and BiRNN: any recurrent cell along a sequence, forward or in both directions.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { add, multiply, subtract } from "../../ops/arithmetic.js";
import { concat, slice, stack } from "../../ops/concat.js";
import { rnnLayer } from "../../ops/recurrence.js";
import { squeeze, unsqueeze } from "../../ops/views.js";
import type { Tensor } from "../../tensor/tensor.js";
import { sequenceMask } from "../functional/embedding.js";
import { Layer } from "../layer.js";
import { pythonName } from "../names.js";
import { GatedCell, mapStates, type RNNCellBase, type States } from "./rnn-cells.js";

/** What a recurrent layer may be called with beside its input. */
export interface SequenceOptions<S = States> {
  /** States to begin with; by default zeros. */
  readonly initialStates?: S | null | undefined;
  /** How many steps of each sequence count, int32 or int64 `[batch]`; by default all. */
  readonly sequenceLength?: Tensor | null | undefined;
}

/** Keys of {@link SequenceOptions}. */
export const sequenceKeys = ["initialStates", "sequenceLength"] as const;

/** One direction of a cell. */
export interface Run {
  readonly reverse: boolean;
  readonly timeMajor: boolean;
  /** Steps behind a sequence's end give 0. */
  readonly zeroPadding: boolean;
  readonly lengths: Tensor | undefined;
}

function requireSequence(x: Tensor, op: string): void {
  if (x.shape.length >= 3) return;
  throw new InvalidArgumentError(`needs [batch, time, features], got ${formatShape(x.shape)}.`, { op, x: x.shape });
}

/** A built-in cell along a sequence as one op; the states stand in one tensor `[states, batch, hidden]`. */
export function runWhole(cell: GatedCell, x: Tensor, state: Tensor | undefined, run: Run): [Tensor, Tensor] {
  requireSequence(x, cell.fullName());
  const { reverse, timeMajor, zeroPadding, lengths } = run;
  const given = { x: cell.gateInput(x), weight: cell.weightHh, bias: cell.biasHh, state, lengths };
  return rnnLayer<Tensor>(given, { mode: cell.mode, reverse, timeMajor, zeroPadding });
}

/** Part `i` along the first axis. */
const part = (x: Tensor, i: number): Tensor => slice(x, [0], [i], [i + 1]);

/** Any cell along a sequence. */
function runCell(cell: RNNCellBase, x: Tensor, initial: States | undefined, run: Run): [States, States] {
  if (cell instanceof GatedCell && cell.runsWhole) {
    const list = initial === undefined ? undefined : ((Array.isArray(initial) ? initial : [initial]) as Tensor[]);
    const state =
      list &&
      concat(
        list.map((s) => unsqueeze(s, [0])),
        0,
      );
    const [out, last] = runWhole(cell, x, state, run);
    const states = Array.from({ length: last.shape[0]! }, (_, i) => squeeze(part(last, i), [0]));
    return [out, states.length === 1 ? states[0]! : states];
  }
  return runSteps(cell, x, initial, run);
}

/** A cell step by step, as Paddle runs the cells of users. */
function runSteps(cell: RNNCellBase, x: Tensor, initial: States | undefined, run: Run): [States, States] {
  requireSequence(x, cell.fullName());
  const axis = run.timeMajor ? 0 : 1;
  const steps = x.shape[axis]!;
  if (steps < 1) {
    throw new InvalidArgumentError(`the number of steps must be known and above 0, got ${steps}.`, {
      op: cell.fullName(),
      x: x.shape,
    });
  }
  let states = initial ?? cell.getInitialStates(x, { batchDimIdx: 1 - axis, dtype: x.dtype });
  const mask = run.lengths && sequenceMask(run.lengths, { maxlen: steps, dtype: x.dtype });
  const outputs: States[] = [];
  for (let i = 0; i < steps; i++) {
    const t = run.reverse ? steps - 1 - i : i;
    const [out, next] = Reflect.apply(cell, undefined, [
      squeeze(slice(x, [axis], [t], [t + 1]), [axis]),
      states,
    ]) as StepResult;
    const inside = mask && slice(mask, [1], [t], [t + 1]);
    states = inside ? mapStates((a, b) => held(a, b, inside), next, states) : next;
    outputs.push(out);
  }
  if (run.reverse) outputs.reverse();
  return [stackStates(outputs, axis), states];
}

/** What a cell gives: outputs and new states. */
type StepResult = readonly [States, States];

/** `next` inside the sequence, `before` behind its end; `inside` is `[batch, 1]`. */
function held(next: Tensor, before: Tensor, inside: Tensor): Tensor {
  const extra = Array.from({ length: next.shape.length - 2 }, (_, i) => i + 2);
  const m = extra.length > 0 ? unsqueeze(inside, extra) : inside;
  return add(multiply(next, m), multiply(before, subtract<Tensor>(1, m)));
}

function stackStates(list: readonly States[], axis: number): States {
  if (!Array.isArray(list[0])) return stack(list as readonly Tensor[], axis);
  return (list[0] as readonly States[]).map((_, i) =>
    stackStates(
      list.map((each) => (each as readonly States[])[i]!),
      axis,
    ),
  );
}

/** Options of {@link RNN}. */
export interface RNNOptions {
  /** From the last step to the first. */
  readonly isReverse?: boolean | undefined;
  /** Inputs are `[time, batch, …]`. */
  readonly timeMajor?: boolean | undefined;
}

/**
 * Runs a cell along a sequence: `[batch, time, …]` to outputs of every step and the last states. A cell of your own extends
 * `RNNCellBase`; the built-in ones run as one op.
 *
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const rnn = new nn.RNN(new nn.SimpleRNNCell(16, 32));
 * const [out, state] = rnn(randn([4, 23, 16]));
 * console.log((out as { shape: number[] }).shape); // [4, 23, 32]
 * ```
 */
export class RNN extends Layer {
  cell: RNNCellBase;
  readonly isReverse: boolean;
  readonly timeMajor: boolean;

  constructor(cell: RNNCellBase, ...rest: Trailing<boolean, RNNOptions>) {
    super(new.target === RNN ? "rnn" : null);
    const o = splitOptions<RNNOptions>("RNN", rest, ["isReverse", "timeMajor"]);
    this.cell = cell;
    this.isReverse = o.isReverse ?? false;
    this.timeMajor = o.timeMajor ?? false;
  }

  override forward(inputs: Tensor, ...rest: Trailing<States | null, SequenceOptions>): [States, States] {
    const o = splitOptions<SequenceOptions>("RNN", rest, sequenceKeys);
    const { timeMajor, isReverse: reverse } = this;
    const run = { reverse, timeMajor, zeroPadding: false, lengths: o.sequenceLength ?? undefined };
    return runCell(this.cell, inputs, o.initialStates ?? undefined, run);
  }
}

/** Options of {@link BiRNN}. */
export interface BiRNNOptions {
  /** Inputs are `[time, batch, …]`. */
  readonly timeMajor?: boolean | undefined;
}

/**
 * Runs one cell forward and one backward along a sequence; their outputs stand side by side on the last axis. Gives outputs and the pair
 * of last states.
 *
 * @throws InvalidArgumentError when the cells take inputs of different sizes.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const rnn = new nn.BiRNN(new nn.GRUCell(16, 32), new nn.GRUCell(16, 32));
 * const [out] = rnn(randn([2, 23, 16]));
 * console.log((out as { shape: number[] }).shape); // [2, 23, 64]
 * ```
 */
export class BiRNN extends Layer {
  cellFw: RNNCellBase;
  cellBw: RNNCellBase;
  readonly timeMajor: boolean;

  constructor(cellFw: RNNCellBase, cellBw: RNNCellBase, ...rest: Trailing<boolean, BiRNNOptions>) {
    super(new.target === BiRNN ? "bi_rnn" : null);
    const sizes = [cellFw, cellBw].map((cell) => (cell instanceof GatedCell ? cell.inputSize : undefined));
    if (sizes[0] !== undefined && sizes[1] !== undefined && sizes[0] !== sizes[1])
      throw new InvalidArgumentError(`the cells take inputs of ${sizes[0]} and ${sizes[1]}.`, { op: "BiRNN" });
    this.cellFw = cellFw;
    this.cellBw = cellBw;
    this.timeMajor = splitOptions<BiRNNOptions>("BiRNN", rest, ["timeMajor"]).timeMajor ?? false;
  }

  protected override stateKey(field: string): string {
    return pythonName(field);
  }

  override forward(
    inputs: Tensor,
    ...rest: Trailing<readonly [States, States] | null, SequenceOptions<readonly [States, States]>>
  ): [States, [States, States]] {
    const o = splitOptions<SequenceOptions<readonly [States, States]>>("BiRNN", rest, sequenceKeys);
    const initial = o.initialStates ?? [undefined, undefined];
    if (initial.length !== 2)
      throw new InvalidArgumentError(`initialStates must be two, got ${initial.length as number}.`, { op: "BiRNN" });
    const run = { timeMajor: this.timeMajor, zeroPadding: false, lengths: o.sequenceLength ?? undefined };
    const [fw, fwStates] = runCell(this.cellFw, inputs, initial[0], { ...run, reverse: false });
    const [bw, bwStates] = runCell(this.cellBw, inputs, initial[1], { ...run, reverse: true });
    const side = mapStates((a, b) => concat([a, b], a.shape.length - 1), fw, bw);
    return [side, [fwStates, bwStates]];
  }
}
