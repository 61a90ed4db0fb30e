// Tensors in arrays and records, with anything else in between: what captured functions take and give.

import { InvalidArgumentError } from "../core/errors.js";
import type { Sizes } from "../core/extents.js";
import type { Value } from "../program/value.js";
import { Tensor } from "../tensor/tensor.js";

/** Tensors in arrays and records, with anything else in between. */
export type Tree = unknown;

/** A text for shapes and dtypes of tensors and values of everything else; collects the tensors in order. */
export function signature(tree: Tree, tensors: Tensor[]): string {
  if (tree instanceof Tensor) {
    tensors.push(tree);
    return `${tree.dtype}[${tree.shape.join()}]${tree.stopGradient ? "" : "g"}`;
  }
  if (Array.isArray(tree)) return `(${tree.map((t) => signature(t, tensors)).join(";")})`;
  if (typeof tree === "object" && tree !== null) {
    return `{${Object.entries(tree)
      .map(([k, v]) => `${k}:${signature(v, tensors)}`)
      .join(";")}}`;
  }
  return `${typeof tree}:${String(tree)}`;
}

/** The same tree with `f` of each tensor, in the order of {@link signature}. */
export function mapTensors(tree: Tree, f: (t: Tensor) => unknown): Tree {
  if (tree instanceof Tensor) return f(tree);
  if (Array.isArray(tree)) return tree.map((t) => mapTensors(t, f));
  if (typeof tree === "object" && tree !== null && Object.getPrototypeOf(tree) === Object.prototype) {
    return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, mapTensors(v, f)]));
  }
  return tree;
}

/** The place of a result in a tree. */
export class OutputSlot {
  constructor(readonly index: number) {}
}

/** A captured function's result with a slot for each tensor, which `add` numbers. Throws InvalidArgument for one it did not compute. */
export const slotted = (result: Tree, op: string, add: (t: Tensor) => number): Tree =>
  mapTensors(result, (t) => {
    if (!t.symbol) throw new InvalidArgumentError("a captured function returned a tensor it did not compute.", { op });
    return new OutputSlot(add(t));
  });

/** The tree with the results of a run in its slots; numbers that speak of sizes are those of the run. */
export function fillSlots(tree: Tree, handles: readonly Value[], sizes?: Sizes): Tree {
  if (tree instanceof OutputSlot) return handles[tree.index];
  if (typeof tree === "number" && sizes) return sizes.number(tree);
  if (Array.isArray(tree)) return tree.map((t) => fillSlots(t, handles, sizes));
  if (typeof tree === "object" && tree !== null && Object.getPrototypeOf(tree) === Object.prototype) {
    return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, fillSlots(v, handles, sizes)]));
  }
  return tree;
}
