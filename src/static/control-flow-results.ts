// What branches and loop bodies return: tensors, numbers and nothing in arrays and records, taken apart, compared and put together.

import { InvalidArgumentError } from "../core/errors.js";
import { describe } from "../core/options.js";
import { formatShape, sameShape } from "../core/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { publicExtent } from "../core/extents.js";

/** A leaf of what a user's function returned. */
export type Leaf = Tensor | number | boolean | bigint | null;

/** A leaf with its place, as `[1].mask`. */
export interface Placed {
  readonly at: string;
  readonly leaf: Leaf;
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype;

/** Leaves in order. Throws InvalidArgument for what is none. */
export function leavesOf(tree: unknown, op: string, at = ""): Placed[] {
  if (tree instanceof Tensor || typeof tree === "number" || typeof tree === "boolean" || typeof tree === "bigint")
    return [{ at, leaf: tree }];
  if (tree === null || tree === undefined) return [{ at, leaf: null }];
  if (Array.isArray(tree)) return tree.flatMap((t, i) => leavesOf(t, op, `${at}[${i}]`));
  if (isRecord(tree)) return Object.entries(tree).flatMap(([key, t]) => leavesOf(t, op, `${at}.${key}`));
  throw new InvalidArgumentError(`${nameOf(at)} must be tensors in arrays or records, got ${describe(tree)}.`, {
    op,
    site: callSite(),
  });
}

/** The tree with other leaves. */
export function withLeaves(tree: unknown, leaves: readonly unknown[]): unknown {
  let next = 0;
  const build = (t: unknown): unknown => {
    if (Array.isArray(t)) return t.map(build);
    if (isRecord(t)) return Object.fromEntries(Object.entries(t).map(([key, v]) => [key, build(v)]));
    return leaves[next++];
  };
  return build(tree);
}

/** The form of a tree: its places, without the leaves. */
export function structureOf(tree: unknown): string {
  if (Array.isArray(tree)) return `[${tree.map(structureOf).join(", ")}]`;
  if (!isRecord(tree)) return "·";
  return `{ ${Object.entries(tree)
    .map(([key, v]) => `${key}: ${structureOf(v)}`)
    .join(", ")} }`;
}

/** `float32[-1, 4]`, or what else a leaf is. */
export const typeName = (leaf: Leaf): string =>
  leaf instanceof Tensor ? `${leaf.dtype}${formatShape(Array.from(leaf.shape, publicExtent))}` : describe(leaf);

/** Whether two tensors have one shape and dtype. */
export const sameType = (a: Tensor, b: Tensor): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** How messages name a place. */
export const nameOf = (at: string): string => (at === "" ? "the result" : `result ${at}`);

/** Functions of the public surface, whose callers are users' lines. */
const entries: ((...args: never[]) => unknown)[] = [];

/** Runs a public function's body; errors in it name the line that called `entry`. */
export function calledFrom<R>(entry: (...args: never[]) => unknown, body: () => R): R {
  entries.push(entry);
  try {
    return body();
  } finally {
    entries.pop();
  }
}

/** Where a user called the outermost function that runs now, as `file:line:column`; undefined where the engine does not tell. */
export function callSite(): string | undefined {
  const entry = entries.at(-1);
  if (!entry || !("captureStackTrace" in Error)) return undefined;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, entry);
  const line = holder.stack?.split("\n").find((text) => /^\s+at /.test(text));
  return line?.replace(/^\s+at (?:.*\()?(.*?)\)?$/, "$1");
}

/** An error that names the user's line. */
export function refused(op: string, message: string, hint?: string): InvalidArgumentError {
  const site = callSite();
  return new InvalidArgumentError(`${message}${site ? ` Called at ${site}.` : ""}`, { op, hint, site });
}
