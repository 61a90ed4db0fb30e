// The arithmetic of recurrent cells, one hidden unit at a time: a step forward, and its reverse.

import { type Expr, zeroOf } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";

/** Names of cells, as Paddle's op `rnn` has them. */
export type CellMode = "LSTM" | "GRU" | "RNN_TANH" | "RNN_RELU";

/** What a step takes: one number for each gate from the input and from the hidden state, and the states before (the hidden one first). */
export interface StepInput {
  readonly x: readonly Expr[];
  readonly h: readonly Expr[];
  readonly states: readonly Expr[];
}

/** What its reverse takes: what the step kept, the hidden state before it, and the gradients of the states after it. */
export interface ReverseInput {
  readonly kept: readonly Expr[];
  readonly before: Expr;
  readonly d: readonly Expr[];
}

/** A cell. Every value is of one hidden unit. */
export interface Cell {
  /** Gates, and rows of weights for each hidden unit. */
  readonly gates: number;
  /** States: the hidden one, and the LSTM's memory. */
  readonly states: number;
  /** Numbers that the reverse needs of each step. */
  readonly kept: number;
  /** Whether the gradient at the hidden state's product differs from that at the input's. */
  readonly separate: boolean;
  step(input: StepInput): { readonly states: readonly Expr[]; readonly kept: readonly Expr[] };
  /** Gradients of the input's and hidden state's gates, and what flows to the states before without passing a product. */
  reverse(input: ReverseInput): {
    readonly x: readonly Expr[];
    readonly h: readonly Expr[];
    readonly states: readonly Expr[];
  };
}

const ofSigmoid = (y: Expr, d: Expr): Expr => k.mul(d, k.mul(y, k.sub(1, y)));
const ofTanh = (y: Expr, d: Expr): Expr => k.mul(d, k.sub(1, k.mul(y, y)));

/**
 * i, f, o = σ(…), g = tanh(…); `c' = f c + i g`, `h' = o tanh c'` (Hochreiter and Schmidhuber, 1997, with forget gates). Gates stand in the
 * order i, f, g, o.
 */
const lstm: Cell = {
  gates: 4,
  states: 2,
  kept: 5,
  separate: false,
  step({ x, h, states }) {
    const sums = x.map((value, gate) => k.add(value, h[gate]!));
    const [i, f, g, o] = sums.map((s, gate) => (gate === 2 ? k.tanh(s) : k.sigmoid(s))) as [Expr, Expr, Expr, Expr];
    const before = states[1]!;
    const c = k.add(k.mul(f, before), k.mul(i, g));
    return { states: [k.mul(o, k.tanh(c)), c], kept: [i, f, g, o, before] };
  },
  reverse({ kept, d: [dh, dc] }) {
    const [i, f, g, o, before] = kept as [Expr, Expr, Expr, Expr, Expr];
    const t = k.tanh(k.add(k.mul(f, before), k.mul(i, g)));
    const inner = k.add(dc!, ofTanh(t, k.mul(dh!, o)));
    const gates = [
      ofSigmoid(i, k.mul(inner, g)),
      ofSigmoid(f, k.mul(inner, before)),
      ofTanh(g, k.mul(inner, i)),
      ofSigmoid(o, k.mul(dh!, t)),
    ];
    return { x: gates, h: gates, states: [zeroOf(dh!), k.mul(inner, f)] };
  },
};

/**
 * r, z = σ(…), `n = tanh(x_n + r h_n)`, `h' = z h + (1 - z) n` (Cho et al., 2014; the reset gate after the product). Gates stand in the
 * order r, z, n.
 */
const gru: Cell = {
  gates: 3,
  states: 1,
  kept: 4,
  separate: true,
  step({ x, h, states }) {
    const r = k.sigmoid(k.add(x[0]!, h[0]!));
    const z = k.sigmoid(k.add(x[1]!, h[1]!));
    const n = k.tanh(k.add(x[2]!, k.mul(r, h[2]!)));
    return { states: [k.add(k.mul(k.sub(states[0]!, n), z), n)], kept: [r, z, n, h[2]!] };
  },
  reverse({ kept, before, d: [dh] }) {
    const [r, z, n, hn] = kept as [Expr, Expr, Expr, Expr];
    const dn = ofTanh(n, k.mul(dh!, k.sub(1, z)));
    const dr = ofSigmoid(r, k.mul(dn, hn));
    const dz = ofSigmoid(z, k.mul(dh!, k.sub(before, n)));
    return { x: [dr, dz, dn], h: [dr, dz, k.mul(dn, r)], states: [k.mul(dh!, z)] };
  },
};

/** `h' = f(x + h)`; `slope` gives `d f'` from the result. */
const simple = (value: (x: Expr) => Expr, slope: (y: Expr, d: Expr) => Expr): Cell => ({
  gates: 1,
  states: 1,
  kept: 1,
  separate: false,
  step({ x, h }) {
    const y = value(k.add(x[0]!, h[0]!));
    return { states: [y], kept: [y] };
  },
  reverse({ kept, d: [dh] }) {
    const gates = [slope(kept[0]!, dh!)];
    return { x: gates, h: gates, states: [zeroOf(dh!)] };
  },
});

/** Every cell by its name. */
export const cells: Readonly<Record<CellMode, Cell>> = {
  LSTM: lstm,
  GRU: gru,
  RNN_TANH: simple((x) => k.tanh(x), ofTanh),
  RNN_RELU: simple(
    (x) => k.max(k.const(x.type, 0), x),
    (y, d) => k.select(k.gt(y, 0), d, 0),
  ),
};
