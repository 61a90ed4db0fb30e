// How the op table tests an optimizer's update: random parameters and state, plain numbers by the textbook's formula.

import type { OpCheck, OpSample, Plain } from "../program/op.js";
import type { DecayKind } from "./optimizer-parts.js";

/** A rule on plain numbers, and what to try it with. */
export interface UpdateCheck {
  /** Attributes of the call; the formula knows them. */
  readonly attrs?: Readonly<Record<string, number | boolean>>;
  /** Values of the one-element operands. */
  readonly scalars?: Readonly<Record<string, number>>;
  /** New parameter (or direction), state and one-element operands of one element; `grad` is clipped and decayed. */
  readonly reference: (v: Readonly<Record<string, number>>) => Readonly<Record<string, number>>;
}

/** Longer than a vector register, and no multiple of one. */
const length = 21;
const rate = 0.5;

/** A call without clipping and decay, one with a clipping factor and L2, one with L1. */
const variants: readonly { readonly scale?: number; readonly decay: DecayKind; readonly coeff?: number }[] = [
  { decay: "none" },
  { scale: 0.25, decay: "l2", coeff: 0.125 },
  { decay: "l1", coeff: 0.125 },
];

/** The table's samples of an update whose operands are parameter, gradient, rate, factor, coefficient, `arrays`, `scalars`. */
export function updateCheck(
  arrays: readonly string[],
  scalars: readonly string[],
  outputs: readonly string[],
  checks: readonly UpdateCheck[],
): OpCheck {
  return {
    domain: [[-2, 2], [-2, 2], [0, 1], [0, 1], [0, 1], ...[...arrays, ...scalars].map(() => [0.1, 2] as const)],
    samples: checks.flatMap((check) => variants.map((variant) => sampleOf(arrays, scalars, outputs, check, variant))),
    noGradCheck: "updates have no gradient",
  };
}

function sampleOf(
  arrays: readonly string[],
  scalars: readonly string[],
  outputs: readonly string[],
  check: UpdateCheck,
  { scale, decay, coeff }: (typeof variants)[number],
): OpSample {
  const fixed = Object.fromEntries(scalars.map((name) => [name, check.scalars?.[name] ?? 1]));
  return {
    inputs: [
      [length],
      [length],
      { shape: [], data: [rate] },
      scale === undefined ? undefined : { shape: [], data: [scale] },
      coeff === undefined ? undefined : { shape: [], data: [coeff] },
      ...arrays.map(() => [length]),
      ...scalars.map((name) => ({ shape: [1], data: [fixed[name]!] })),
    ],
    attrs: { ...check.attrs, decay },
    expect: (...given) => {
      const state = given.slice(3 + (scale === undefined ? 0 : 1) + (coeff === undefined ? 0 : 1));
      const rows = Array.from({ length }, (_, i) => {
        const param = given[0]!.data[i]!;
        const term = coeff === undefined ? 0 : coeff * (decay === "l2" ? param : Math.sign(param));
        const v: Record<string, number> = { ...fixed, param, lr: rate, grad: given[1]!.data[i]! * (scale ?? 1) + term };
        arrays.forEach((name, n) => {
          v[name] = state[n]!.data[i]!;
        });
        return check.reference(v);
      });
      return outputs.map((name): Plain => {
        const one = scalars.includes(name);
        return one ? { shape: [1], data: [rows[0]![name]!] } : { shape: [length], data: rows.map((row) => row[name]!) };
      });
    },
  };
}
