// What L-BFGS remembers between steps, and its form in state dicts: Paddle's names.

import { InvalidArgumentError } from "../core/errors.js";
import { describe } from "../core/options.js";
import { isNdArray } from "../core/nd-array.js";
import { full } from "../ops/creation.js";
import { Value } from "../program/value.js";
import { fromArray, toArray } from "../trace/eager.js";

/** A change of the parameters `s`, that of the gradient `y`, and `1 / (y · s)`. */
export interface LbfgsChange {
  readonly y: Value;
  readonly s: Value;
  readonly ro: number;
}

/** What the next step builds on. */
export interface LbfgsMemory {
  evaluations: number;
  iterations: number;
  /** The oldest first. */
  changes: LbfgsChange[];
  /** The first estimate of the inverse Hessian, as a multiple of the identity. */
  scale: number;
  direction?: Value;
  /** Length of the last step along the direction. */
  step?: number;
  gradient?: Value;
  loss?: number;
  /** The two-loop recursion's products, by change. */
  shares?: readonly number[];
}

const scalarTensor = (x: number): Value => full([], x, "float32");

/** The memory under Paddle's names. */
export function packMemory(m: LbfgsMemory): Record<string, unknown> {
  const counts = { func_evals: m.evaluations, n_iter: m.iterations };
  if (!m.direction) return counts;
  return {
    ...counts,
    d: m.direction,
    alpha: m.step,
    old_yk: m.changes.map((c) => c.y),
    old_sk: m.changes.map((c) => c.s),
    ro: m.changes.map((c) => scalarTensor(c.ro)),
    H_diag: scalarTensor(m.scale),
    prev_flat_grad: m.gradient,
    prev_loss: m.loss,
    ...(m.shares ? { al: m.shares.map(scalarTensor) } : {}),
  };
}

/** Reads {@link packMemory}'s form, with tensors or plain arrays. */
export function readMemory(given: unknown): LbfgsMemory {
  if (typeof given !== "object" || given === null || !("func_evals" in given))
    throw new InvalidArgumentError(`state must be that of an LBFGS, got ${describe(given)}.`, {
      op: "LBFGS.setStateDict",
    });
  const o = given as Readonly<Record<string, unknown>>;
  const out: LbfgsMemory = { evaluations: num(o, "func_evals"), iterations: num(o, "n_iter"), changes: [], scale: 1 };
  if (o["d"] === undefined) return out;
  const [ys, ss, ros] = [listOf(o, "old_yk"), listOf(o, "old_sk"), listOf(o, "ro")];
  if (ys.length !== ss.length || ys.length !== ros.length)
    throw new InvalidArgumentError(`old_yk, old_sk and ro differ in length: ${[ys, ss, ros].map((l) => l.length)}.`, {
      op: "LBFGS.setStateDict",
    });
  return {
    ...out,
    changes: ys.map((y, i) => ({ y: tensor(y, "old_yk"), s: tensor(ss[i], "old_sk"), ro: plain(ros[i], "ro") })),
    scale: num(o, "H_diag"),
    direction: tensor(o["d"], "d"),
    step: num(o, "alpha"),
    gradient: tensor(o["prev_flat_grad"], "prev_flat_grad"),
    loss: num(o, "prev_loss"),
    // Paddle's list is as long as the history may become, with None where nothing is yet.
    ...(o["al"] === undefined ? {} : { shares: listOf(o, "al").flatMap((x) => (x === null ? [] : [plain(x, "al")])) }),
  };
}

const num = (o: Readonly<Record<string, unknown>>, name: string): number => plain(o[name], name);

function plain(x: unknown, name: string): number {
  const n = x instanceof Value ? toArray(x).data[0] : isNdArray(x) ? x.data[0] : x;
  if (typeof n === "number" || typeof n === "bigint") return Number(n);
  throw new InvalidArgumentError(`"${name}" must be a number, got ${describe(x)}.`, { op: "LBFGS.setStateDict", name });
}

function listOf(o: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
  const x = o[name];
  if (Array.isArray(x)) return x as unknown[];
  throw new InvalidArgumentError(`"${name}" must be a list, got ${describe(x)}.`, { op: "LBFGS.setStateDict", name });
}

function tensor(x: unknown, name: string): Value {
  if (x instanceof Value) return x;
  if (isNdArray(x)) return fromArray(x);
  throw new InvalidArgumentError(`"${name}" must be a tensor, got ${describe(x)}.`, { op: "LBFGS.setStateDict", name });
}
