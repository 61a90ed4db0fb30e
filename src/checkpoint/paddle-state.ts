// Paddle's state dicts in pickles: the table of names, big parameters in slices, tensors as (name, array) tuples.

import { InvalidArgumentError } from "../core/errors.js";
import { emptyData, entriesOf, isNdArray, type NdArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { type PickleValue, Tuple } from "./pickle-values.js";

/** Key of the table of structured names and parameter names. */
export const nameTable = "StructuredToParameterName@@";
const sliceTable = "UnpackBigParamInfor@@";

/** Plain JavaScript of what a pickle holds: records without prototype for dicts, arrays for lists and tuples, Sets. */
export type Plain = null | boolean | number | bigint | string | Uint8Array | unknown[] | Set<unknown> | object;

/** What to make of arrays and of dicts' keys. */
export interface PlainOptions {
  /** Gives a tensor for an array, with its name if it has one. */
  readonly tensor: (array: NdArray, name: string | undefined) => unknown;
  /** Gives what stands for an array that stays one. By default the array. */
  readonly array?: ((array: NdArray) => NdArray) | undefined;
  /** Keep the table of names as an entry. */
  readonly keepNameTable?: boolean | undefined;
}

/** A record for a dict of string keys, else a Map. */
function dictOf(entries: readonly (readonly [PickleValue, unknown])[]): unknown {
  if (!entries.every(([key]) => typeof key === "string")) return new Map(entries);
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, x] of entries) out[key as string] = x;
  return out;
}

const isNamed = (x: PickleValue): x is Tuple =>
  x instanceof Tuple && x.items.length === 2 && typeof x.items[0] === "string" && isNdArray(x.items[1]);

/** Whether any `(name, array)` tuple is inside: then only those are tensors, and bare arrays stay arrays. */
function hasNamed(x: PickleValue, seen = new Set<unknown>()): boolean {
  if (isNamed(x)) return true;
  if (typeof x !== "object" || x === null || isNdArray(x) || x instanceof Uint8Array || seen.has(x)) return false;
  seen.add(x);
  const inner = x instanceof Tuple ? x.items : x instanceof Map ? x.values() : x;
  for (const y of inner as Iterable<PickleValue>) if (hasNamed(y, seen)) return true;
  return false;
}

/**
 * What `paddle.load` makes of a pickle: in a state dict with a table of names the arrays in the table become tensors of those names;
 * elsewhere `(name, array)` tuples do, or, where there are none, all arrays.
 *
 * @throws InvalidArgumentError when the slices of a big parameter do not fit.
 */
export function fromPaddle(value: PickleValue, options: PlainOptions): unknown {
  if (value instanceof Map) {
    const whole = joinSlices(value);
    const table = whole.get(nameTable);
    if (table instanceof Map) return stateDict(whole, table, options);
    return plain(whole, options, hasNamed(whole), new Map());
  }
  return plain(value, options, hasNamed(value), new Map());
}

function stateDict(
  whole: ReadonlyMap<PickleValue, PickleValue>,
  table: ReadonlyMap<PickleValue, PickleValue>,
  options: PlainOptions,
): unknown {
  const entries: [PickleValue, unknown][] = [];
  for (const [key, x] of whole) {
    if (key === nameTable) {
      if (options.keepNameTable) entries.push([key, dictOf([...table])]);
      continue;
    }
    const name = table.get(key);
    entries.push([
      key,
      isNdArray(x) && typeof name === "string" ? options.tensor(x, name) : plain(x, options, true, new Map()),
    ]);
  }
  return dictOf(entries);
}

function plain(x: PickleValue, options: PlainOptions, onlyNamed: boolean, seen: Map<unknown, unknown>): unknown {
  if (typeof x !== "object" || x === null || x instanceof Uint8Array) return x;
  const known = seen.get(x);
  if (known !== undefined) return known;
  if (isNdArray(x)) {
    const made = onlyNamed ? (options.array?.(x) ?? x) : options.tensor(x, undefined);
    seen.set(x, made);
    return made;
  }
  if (isNamed(x)) {
    const made = options.tensor(x.items[1] as NdArray, x.items[0] as string);
    seen.set(x, made);
    return made;
  }
  const inner = (y: PickleValue): unknown => plain(y, options, onlyNamed, seen);
  if (x instanceof Map) {
    // A dict may contain itself: it is known before its entries are.
    const named = [...x.keys()].every((key) => typeof key === "string");
    const out = (named ? Object.create(null) : new Map()) as Record<string, unknown> & Map<unknown, unknown>;
    seen.set(x, out);
    for (const [key, y] of x) {
      if (named) out[key as string] = inner(y);
      else out.set(key, inner(y));
    }
    return out;
  }
  if (x instanceof Set) return new Set([...x].map(inner));
  const out: unknown[] = [];
  seen.set(x, out);
  for (const y of x instanceof Tuple ? x.items : x) out.push(inner(y));
  return out;
}

/** Puts big parameters together that protocols 2 and 3 cut into slices. */
function joinSlices(dict: Map<PickleValue, PickleValue>): Map<PickleValue, PickleValue> {
  const info = dict.get(sliceTable);
  if (!(info instanceof Map)) return dict;
  const out = new Map(dict);
  out.delete(sliceTable);
  for (const [key, entry] of info) {
    const shape = entry instanceof Map ? entry.get("OriginShape") : undefined;
    const slices = entry instanceof Map ? entry.get("slices") : undefined;
    const extents = shape instanceof Tuple ? shape.items : Array.isArray(shape) ? shape : undefined;
    if (!extents || !Array.isArray(slices)) throw badSlices(key);
    const parts = slices.map((name) => out.get(name));
    if (!parts.every(isNdArray)) throw badSlices(key);
    out.set(key, joined(parts as NdArray[], extents as number[], key));
    for (const name of slices) out.delete(name);
  }
  return out;
}

function joined(parts: readonly NdArray[], shape: number[], key: PickleValue): NdArray {
  const dtype = parts[0]?.dtype;
  const size = sizeOf(shape);
  const total = parts.reduce((n, p) => n + p.data.length, 0);
  if (!dtype || parts.some((p) => p.dtype !== dtype) || total !== entriesOf(dtype, size)) throw badSlices(key);
  const data = emptyData(dtype, size);
  let at = 0;
  for (const p of parts) {
    (data as Uint8Array).set(p.data as Uint8Array, at);
    at += p.data.length;
  }
  return { dtype, shape, data };
}

const badSlices = (key: PickleValue): InvalidArgumentError =>
  new InvalidArgumentError(`the slices of ${JSON.stringify(String(key))} do not fit together.`, { op: "load" });
