// static.nn's branches: cond, case and switchCase, as JavaScript in dynamic mode and as blocks of the Program in static mode.

import { splitOptions, type Trailing } from "../../core/options.js";
import { sizeOf } from "../../core/shape.js";
import { Tensor } from "../../tensor/tensor.js";
import type { DType } from "../../core/dtype.js";
import { full } from "../../ops/creation.js";
import { isCapturing, isStaticMode } from "../../trace/bind.js";
import { toArray } from "../../trace/eager.js";
import { appendBranches, type Branch } from "../control-flow-branch.js";
import { buildingTrace } from "../control-flow-home.js";
import {
  calledFrom,
  type Leaf,
  leavesOf,
  nameOf,
  type Placed,
  refused,
  sameType,
  structureOf,
  typeName,
  withLeaves,
} from "../control-flow-results.js";
import { SubTrace } from "../control-flow-trace.js";

/** A branch: it takes nothing and gives tensors, alone or in arrays and records. */
export type BranchFunction<T> = () => T;

/** Options of {@link cond}. */
export interface CondOptions<T> {
  /** What runs when the predicate is false; null: nothing. */
  readonly falseFn?: BranchFunction<T> | null | undefined;
  readonly name?: string | null | undefined;
  /** What messages call the results. */
  readonly returnNames?: readonly string[] | null | undefined;
}

/** Whether control flow over a value belongs to the Program or the capture that is being built. */
export const isBuilding = (v: Tensor): boolean => v.symbol !== undefined || isCapturing() || isStaticMode();

/** The one element of an eager tensor. */
export const elementOf = (v: Tensor): number => Number(toArray(v).data[0]);

/** Throws InvalidArgument unless `fn` is a function. */
export function requireFunction(fn: unknown, what: string, op: string): void {
  if (typeof fn !== "function") throw refused(op, `${what} must be a function, got ${typeName(fn as Leaf)}.`);
}

/** Throws InvalidArgument unless `pred` is a tensor of one element. */
export function requirePredicate(pred: unknown, what: string, op: string, dtypes: readonly DType[]): Tensor {
  if (!(pred instanceof Tensor)) {
    const hint = typeof pred === "boolean" ? "use an if of JavaScript for what is known already." : undefined;
    throw refused(op, `${what} must be a tensor, got ${typeName(pred as Leaf)}.`, hint);
  }
  if (sizeOf(pred.shape) !== 1) throw refused(op, `${what} must have one element, it is ${typeName(pred)}.`);
  if (dtypes.length > 0 && !dtypes.includes(pred.dtype))
    throw refused(op, `${what} must be ${dtypes.join(" or ")}, it is ${typeName(pred)}.`);
  return pred;
}

/**
 * `trueFn()` where `pred` is true, else `falseFn()`.
 *
 * In dynamic mode only the chosen function runs, and the result may have any form. In static mode (and in `jit.compile` and
 * `jit.toStatic`) both run once, each writes a block of the Program, and each run of the Program computes one of them. The results must
 * agree in structure, shapes and dtypes. Branches may use outer variables and make parameters; gradients flow through. What a branch changes
 * in place (running statistics, optimizer state) changes only when it runs. Numbers that differ become tensors: int64, or float64.
 *
 * @param pred bool, one element
 * @returns what the branches return, or null when they return nothing
 * @throws InvalidArgumentError, naming the line of the call, for another predicate, or results that do not agree.
 * @example
 * ```ts
 * import { disableStatic, enableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * const y = static_.programGuard(main, startup, () => {
 *   const x = static_.data("x", [-1]);
 *   return static_.nn.cond(x.sum().greaterThan(0), () => x.multiply(2), () => x.subtract(1));
 * });
 * const exe = new static_.Executor();
 * const [a] = await exe.run(main, { feed: { x: [1, 2] }, fetchList: [y] });
 * const [b] = await exe.run(main, { feed: { x: [-1, -2] }, fetchList: [y] });
 * console.log(a!.data, b!.data); // Float32Array(2) [ 2, 4 ] Float32Array(2) [ -2, -3 ]
 * disableStatic();
 * ```
 */
export function cond<T>(
  pred: Tensor,
  trueFn?: BranchFunction<T> | null,
  ...rest: Trailing<BranchFunction<T> | null, CondOptions<T>>
): T {
  const op = "static.nn.cond";
  const o = splitOptions<CondOptions<T>>(op, rest, ["falseFn", "name", "returnNames"]);
  return calledFrom(cond, () => {
    const building = pred instanceof Tensor && isBuilding(pred);
    requirePredicate(pred, "the predicate", op, building ? ["bool"] : []);
    const fns = [trueFn, o.falseFn];
    const names = ["trueFn", "falseFn"];
    names.forEach((what, i) => {
      if (fns[i] !== null && fns[i] !== undefined) requireFunction(fns[i], what, op);
    });
    return chosen(op, pred, fns, names, o.returnNames ?? []) as T;
  });
}

/** What the first function gives where `pred` is true, else the second. */
function chosen(
  op: string,
  pred: Tensor,
  fns: readonly (BranchFunction<unknown> | null | undefined)[],
  names: readonly string[],
  returnNames: readonly string[],
): unknown {
  if (!isBuilding(pred)) return fns[elementOf(pred) === 0 ? 1 : 0]?.() ?? null;
  return branched("cond", op, pred, fns, names, (value) => (value === 0 ? 1 : 0), returnNames);
}

/** Options of {@link switchCase} and {@link caseOf}. */
export interface CaseOptions<T> {
  /** What runs when nothing matches; the last branch unless given. */
  readonly default?: BranchFunction<T> | null | undefined;
  readonly name?: string | null | undefined;
}

/**
 * The result of the first pair whose predicate is true: an if-elif-else chain of {@link cond}. When none is true, that of `default`, or of
 * the last pair when there is no default.
 *
 * @param predFnPairs pairs of a bool tensor of one element and a function
 * @throws InvalidArgumentError, naming the line of the call, for an empty list, what is no pair, or results that do not agree.
 * @example
 * ```ts
 * import { full, static as static_, toTensor } from "oarjs";
 * const x = toTensor(3);
 * const y = static_.nn.case([[x.lessThan(1), () => full([1], 10)], [x.lessThan(5), () => full([1], 20)]], () => full([1], 30));
 * console.log(await y.tolist()); // [ 20 ]
 * ```
 */
export function caseOf<T>(
  predFnPairs: readonly (readonly [pred: Tensor, fn: BranchFunction<T>])[],
  ...rest: Trailing<BranchFunction<T> | null, CaseOptions<T>>
): T {
  const op = "static.nn.case";
  const o = splitOptions<CaseOptions<T>>(op, rest, ["default", "name"]);
  return calledFrom(caseOf, () => {
    const pairs: readonly unknown[] = Array.isArray(predFnPairs) ? predFnPairs : [];
    if (pairs.length === 0) throw refused(op, "needs an array of pairs of a predicate and a function.");
    pairs.forEach((pair, i) => {
      if (!Array.isArray(pair) || pair.length !== 2)
        throw refused(op, `element ${i} must be a pair of a predicate and a function, got ${typeName(pair as Leaf)}.`);
      requirePredicate(pair[0], `the predicate of pair ${i}`, op, ["bool"]);
      requireFunction(pair[1], `the function of pair ${i}`, op);
    });
    if (o.default !== null && o.default !== undefined) requireFunction(o.default, "default", op);
    const tried = o.default ? predFnPairs : predFnPairs.slice(0, -1);
    const last = o.default ?? predFnPairs.at(-1)![1];
    const chain = tried.reduceRight<BranchFunction<T>>((otherwise, [pred, fn], i) => {
      const names = [`pair ${i}`, i + 1 < predFnPairs.length ? `pair ${i + 1}` : "default"];
      return () => chosen(op, pred, [fn, otherwise], names, []) as T;
    }, last);
    return chain();
  });
}

/** Branches of {@link switchCase}: functions, pairs of an integer and a function, or a record with integers as keys. */
export type SwitchBranches<T> =
  | readonly BranchFunction<T>[]
  | readonly (readonly [index: number, fn: BranchFunction<T>])[]
  | Readonly<Record<number, BranchFunction<T>>>;

/**
 * The result of the branch that has the index: a switch. When none has, that of `default`, or of the branch with the largest index when
 * there is no default. In static mode one operator holds all branches.
 *
 * @param branchIndex int32, int64 or uint8, one element
 * @param branchFns functions (their indices count from 0), pairs, or a record
 * @throws InvalidArgumentError, naming the line of the call, for another index or dtype, an index that is given twice, or results that do
 * not agree.
 * @example
 * ```ts
 * import { full, static as static_, toTensor } from "oarjs";
 * const branches = { 1: () => full([1], 10), 3: () => full([1], 30) };
 * const y = static_.nn.switchCase(toTensor(3, { dtype: "int32" }), branches, () => full([1], -1));
 * console.log(await y.tolist()); // [ 30 ]
 * ```
 */
export function switchCase<T>(
  branchIndex: Tensor,
  branchFns: SwitchBranches<T>,
  ...rest: Trailing<BranchFunction<T> | null, CaseOptions<T>>
): T {
  const op = "static.nn.switchCase";
  const o = splitOptions<CaseOptions<T>>(op, rest, ["default", "name"]);
  return calledFrom(switchCase, () => {
    requirePredicate(branchIndex, "the index", op, ["int32", "int64", "uint8"]);
    const pairs = indexed(branchFns, op);
    if (o.default !== null && o.default !== undefined) requireFunction(o.default, "default", op);
    const last = Math.max(...pairs.map(([index]) => index));
    const matching = o.default ? pairs : pairs.filter(([index]) => index !== last);
    const fns = [...matching.map(([, fn]) => fn), o.default ?? pairs.find(([index]) => index === last)![1]];
    const select = (value: number): number => {
      const at = matching.findIndex(([index]) => index === value);
      return at < 0 ? matching.length : at;
    };
    if (!isBuilding(branchIndex)) return fns[select(elementOf(branchIndex))]!();
    const names = [...matching.map(([index]) => `branch ${index}`), o.default ? "default" : `branch ${last}`];
    return branched("switch_case", op, branchIndex, fns, names, select, []) as T;
  });
}

function indexed<T>(branchFns: SwitchBranches<T>, op: string): (readonly [number, BranchFunction<T>])[] {
  const list: readonly unknown[] = Array.isArray(branchFns)
    ? branchFns.every((f) => typeof f === "function")
      ? branchFns.map((f, i) => [i, f])
      : branchFns
    : typeof branchFns === "object" && branchFns !== null
      ? Object.entries(branchFns).map(([key, fn]) => [Number(key), fn])
      : [];
  if (list.length === 0)
    throw refused(op, "branchFns must be functions, pairs of an integer and a function, or a record.");
  const seen = new Set<number>();
  return list.map((pair, i) => {
    if (!Array.isArray(pair) || pair.length !== 2)
      throw refused(op, `element ${i} of branchFns must be a pair of an integer and a function.`);
    const [index, fn] = pair as [number, BranchFunction<T>];
    if (!Number.isInteger(index))
      throw refused(op, `the index of branch ${i} must be an integer, got ${typeName(index)}.`);
    if (seen.has(index)) throw refused(op, `the index ${index} is given twice.`);
    seen.add(index);
    requireFunction(fn, `the function of branch ${index}`, op);
    return [index, fn];
  });
}

/** Runs every branch in a block of its own, and appends the operator that chooses. */
function branched(
  name: string,
  op: string,
  selector: Tensor,
  fns: readonly (BranchFunction<unknown> | null | undefined)[],
  names: readonly string[],
  select: (value: number) => number,
  returnNames: readonly string[],
): unknown {
  const parent = buildingTrace(selector, op);
  const traces = fns.map(() => new SubTrace(parent));
  const trees = fns.map((fn, i) => traces[i]!.write(() => fn?.() ?? null));
  const leaves = trees.map((tree) => leavesOf(tree, op));
  agree(op, trees, names);
  const merged = leaves[0]!.map((_, i): Merged => {
    const { at } = leaves[0]![i]!;
    return mergedLeaf(
      op,
      returnNames[i] ?? nameOf(at),
      leaves.map((l) => l[i]!),
      names,
    );
  });
  const tensors = merged.flatMap((m, i) => (m.kind === "tensor" ? [{ dtype: m.dtype ?? "int64", i }] : []));
  const branches = traces.map((trace, b): Branch => {
    const results = trace.write(() =>
      tensors.map(({ i, dtype }) => {
        const { leaf } = leaves[b]![i]!;
        return leaf instanceof Tensor ? leaf : full([], Number(leaf), dtype);
      }),
    );
    return { trace, results };
  });
  const hasEffects = traces.some((t) => t.hasEffects);
  if (tensors.length === 0 && !hasEffects)
    return withLeaves(
      trees[0],
      merged.map((m) => m.value),
    );
  const outs = appendBranches(parent, name, selector, branches, select);
  return withLeaves(
    trees[0],
    merged.map((m, i) => (m.kind === "tensor" ? outs[tensors.findIndex((t) => t.i === i)] : m.value)),
  );
}

/** A result of all branches: an output of the operator, or a value that is the same in all. */
type Merged =
  | { readonly kind: "tensor"; readonly dtype?: DType; readonly value?: undefined }
  | { readonly kind: "same"; readonly value: Leaf };

/** Throws InvalidArgument unless results have one structure. */
function agree(op: string, trees: readonly unknown[], names: readonly string[]): void {
  const forms = trees.map(structureOf);
  const other = forms.findIndex((form) => form !== forms[0]);
  const empty = trees.indexOf(null);
  const given = trees.findIndex((tree) => tree !== null);
  if (empty >= 0 && given >= 0)
    throw refused(
      op,
      `${names[empty]} returns nothing and ${names[given]} does.`,
      "return the same structure from both.",
    );
  if (other < 0) return;
  throw refused(op, `${names[0]} returns ${forms[0]} and ${names[other]} returns ${forms[other]}.`);
}

function mergedLeaf(op: string, what: string, leaves: readonly Placed[], names: readonly string[]): Merged {
  const values = leaves.map((l) => l.leaf);
  const differ = (i: number): never => {
    throw refused(
      op,
      `${what} is ${typeName(values[0]!)} in ${names[0]} and ${typeName(values[i]!)} in ${names[i]}.`,
      "cast or reshape it, so that all branches give one type.",
    );
  };
  const [first] = values;
  if (first instanceof Tensor) {
    const other = values.findIndex((v) => !(v instanceof Tensor) || !sameType(first, v));
    return other < 0 ? { kind: "tensor" } : differ(other);
  }
  const other = values.findIndex((v) => v !== first);
  if (other < 0) return { kind: "same", value: first ?? null };
  const kind = values.findIndex((v) => v instanceof Tensor || v === null || typeof v !== typeof first);
  if (kind >= 0 || first === null) return differ(Math.max(kind, other));
  if (typeof first === "boolean") return { kind: "tensor", dtype: "bool" };
  return { kind: "tensor", dtype: values.every((v) => Number.isInteger(Number(v))) ? "int64" : "float64" };
}
