// Indexing: x.at(…) and x.setAt([…], value) with integers, slices, ellipsis, new axes, masks and index tensors.

import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { shapeOfNested } from "../core/nested.js";
import { formatShape, type Shape } from "../core/shape.js";
import { Value } from "../program/value.js";
import { expand } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import * as joining from "../ops/concat.js";
import { full } from "../ops/creation.js";
import { gather } from "../ops/gather.js";
import { moveAxis } from "../ops/movement.js";
import { setSlice, setSliceInplace } from "../ops/set-slice.js";
import * as views from "../ops/views.js";
import { linearIndex } from "../ops/where-index.js";
import { isCapturing } from "../trace/bind.js";
import { inplace } from "../trace/inplace.js";
import { isGradEnabled } from "../trace/tape.js";
import { checkIndex, tensorOf } from "./arguments.js";
import { placesOf } from "./masking.js";
import { putAtIndices } from "./scattering.js";
import type { Tensor } from "./tensor.js";

/** `start:stop:step` with Python's rules; absent parts take their defaults. */
export interface Slice {
  readonly start?: number | null | undefined;
  readonly stop?: number | null | undefined;
  readonly step?: number | null | undefined;
}

/** Nested arrays of integers or truth values, as an index. */
export type NestedIndex = readonly (number | boolean | NestedIndex)[];

/** One item of an index: an integer, `"start:stop:step"` or `{ start, stop, step }`, `"..."`, `null` (new axis), an integer or bool tensor, an array. */
export type IndexItem = number | boolean | string | null | Slice | Tensor | NestedIndex;

/** What an item does with the axes it stands for. */
type Step =
  | { readonly kind: "integer"; readonly i: number }
  | { readonly kind: "slice"; readonly start: number; readonly stop: number; readonly step: number }
  | { readonly kind: "new" }
  | { readonly kind: "indices"; readonly indices: readonly Tensor[] };

const far = 2 ** 30;

function parseSlice(text: string): Slice {
  const parts = text.split(":").map((p) => p.trim());
  const good =
    parts.length >= 2 && parts.length <= 3 && parts.every((p) => /^[+-]?\d*$/.test(p) && p !== "-" && p !== "+");
  if (!good)
    throw new InvalidArgumentError(`"${text}" is no slice.`, {
      op: "at",
      hint: 'write "start:stop:step", each part may be left out, or "...".',
    });
  const [start, stop, step] = parts.map((p) => (p === "" ? undefined : Number(p)));
  return { start, stop, step };
}

function sliceStep(s: Slice): Step {
  const step = s.step ?? 1;
  if (step === 0) throw new InvalidArgumentError("a slice's step must not be 0.", { op: "at" });
  for (const n of [s.start, s.stop, step])
    if (n !== undefined && n !== null && !Number.isInteger(n))
      throw new InvalidArgumentError(`a slice needs integers, got ${n}.`, { op: "at" });
  return { kind: "slice", start: s.start ?? (step > 0 ? 0 : far), stop: s.stop ?? (step > 0 ? far : -far), step };
}

/** An array as an index tensor: booleans a mask, integers int64. */
function indexTensor(list: NestedIndex): Tensor {
  const flat = list.flat(Number.POSITIVE_INFINITY as 1) as (number | boolean)[];
  const mask = flat.length > 0 && flat.every((v) => typeof v === "boolean");
  if (!mask && flat.some((v) => !Number.isInteger(v)))
    throw new InvalidArgumentError("an index array holds integers, or truth values only.", {
      op: "at",
      shape: shapeOfNested(list),
    });
  return tensorOf(list, mask ? "bool" : "int64");
}

/** How many axes of x an item consumes. */
const consumed = (s: Step): number => (s.kind === "new" ? 0 : s.kind === "indices" ? s.indices.length : 1);

function stepOf(item: Exclude<IndexItem, "...">, x: Tensor, axis: number): Step {
  if (item === null) return { kind: "new" };
  if (typeof item === "number") return { kind: "integer", i: item };
  if (typeof item === "string") return sliceStep(parseSlice(item));
  if (typeof item === "boolean") return stepOf(tensorOf(item, "bool"), x, axis);
  if (Array.isArray(item)) return stepOf(indexTensor(item as NestedIndex), x, axis);
  if (item instanceof Value) {
    if (item.dtype !== "bool") return { kind: "indices", indices: [item] };
    const own = x.shape.slice(axis, axis + item.shape.length);
    if (item.shape.length === 0 || own.length < item.shape.length || own.some((n, i) => n !== item.shape[i]))
      throw new InvalidArgumentError(`a mask ${formatShape(item.shape)} does not fit the axes ${formatShape(own)}.`, {
        op: "at",
        mask: item.shape,
        x: x.shape,
      });
    return { kind: "indices", indices: placesOf(item) };
  }
  const keys = Object.keys(item);
  if (keys.every((key) => key === "start" || key === "stop" || key === "step")) return sliceStep(item as Slice);
  throw new InvalidArgumentError(`${keys.join(", ")}: no slice has such keys.`, {
    op: "at",
    hint: "use { start, stop, step }.",
  });
}

/** Steps for all axes: the ellipsis (or the end) is filled with whole axes. */
function stepsOf(x: Tensor, items: readonly IndexItem[]): Step[] {
  if (items.filter((i) => i === "...").length > 1)
    throw new InvalidArgumentError('only one "..." may stand in an index.', { op: "at" });
  const whole: Step = { kind: "slice", start: 0, stop: far, step: 1 };
  const width = (item: IndexItem): number => {
    if (item === null) return 0;
    if (item instanceof Value) return item.dtype === "bool" ? item.shape.length : 1;
    if (!Array.isArray(item)) return 1;
    const first = item.flat(Number.POSITIVE_INFINITY as 1)[0];
    return typeof first === "boolean" ? shapeOfNested(item).length : 1;
  };
  const used = items.reduce<number>((n, i) => n + (i === "..." ? 0 : width(i)), 0);
  const rank = x.shape.length;
  if (used > rank)
    throw new OutOfRangeError(`${used} indices for a tensor of ${rank} axes, ${formatShape(x.shape)}.`, {
      op: "at",
      x: x.shape,
    });
  const fill = new Array<Step>(rank - used).fill(whole);
  const steps: Step[] = [];
  let axis = 0;
  const list = items.includes("...") ? items : [...items, "..."];
  for (const item of list) {
    if (item === "...") {
      steps.push(...fill);
      axis += fill.length;
    } else {
      const step = stepOf(item, x, axis);
      steps.push(step);
      axis += consumed(step);
    }
  }
  return steps;
}

/** What basic items make of a tensor, and what index tensors still have to do. */
interface Basic {
  readonly axes: number[];
  readonly starts: number[];
  readonly ends: number[];
  readonly strides: number[];
  /** Axes of the sliced tensor that integers drop. */
  readonly dropped: number[];
  /** Places in the result (after slicing, dropping and new axes) of index tensors, each with its axis. */
  readonly advanced: { readonly axis: number; readonly index: Tensor }[];
  /** Places of new axes in the result. */
  readonly added: number[];
  /** Whether index tensors stand next to each other. */
  readonly together: boolean;
}

function basicOf(x: Tensor, steps: readonly Step[]): Basic {
  const out: Basic = {
    axes: [],
    starts: [],
    ends: [],
    strides: [],
    dropped: [],
    advanced: [],
    added: [],
    together: true,
  };
  const someIndices = steps.some((s) => s.kind === "indices");
  let axis = 0;
  let place = 0;
  let groups = 0;
  let inside = false;
  for (const s of steps) {
    // Beside index tensors an integer counts as one of them where it decides whether they stand together (NumPy's rule).
    const advanced = s.kind === "indices" || (someIndices && s.kind === "integer");
    if (advanced && !inside) groups++;
    inside = advanced;
    if (s.kind === "new") out.added.push(place++);
    else if (s.kind === "indices") {
      for (const index of s.indices) out.advanced.push({ axis: place++, index });
      axis += s.indices.length;
    } else if (s.kind === "integer") {
      const n = x.shape[axis]!;
      if (!Number.isInteger(s.i) || (n >= 0 && (s.i < -n || s.i >= n)))
        throw new OutOfRangeError(`index ${s.i} is outside [${-n}, ${n}) of axis ${axis}.`, {
          op: "at",
          index: s.i,
          axis,
          x: x.shape,
        });
      pushSlice(out, axis, s.i, s.i === -1 ? far : s.i + 1, 1);
      out.dropped.push(axis++);
    } else {
      if (s.start !== 0 || s.stop < far || s.step !== 1) pushSlice(out, axis, s.start, s.stop, s.step);
      axis++;
      place++;
    }
  }
  return { ...out, together: groups <= 1 };
}

function pushSlice(out: Basic, axis: number, start: number, stop: number, step: number): void {
  out.axes.push(axis);
  out.starts.push(start);
  out.ends.push(stop);
  out.strides.push(step);
}

/** The tensor after all basic items. */
function applyBasic(x: Tensor, b: Basic): Tensor {
  const sliced = b.axes.length > 0 ? joining.slice(x, b.axes, b.starts, b.ends, b.strides) : x;
  const dropped = b.dropped.length > 0 ? views.squeeze(sliced, b.dropped) : sliced;
  return b.added.length > 0 ? views.unsqueeze(dropped, b.added) : dropped;
}

/**
 * Part of a tensor, as Python's `x[...]`.
 *
 * @throws OutOfRangeError for an integer or index outside its axis (index tensors: checked up to 256 elements), InvalidArgumentError for
 * anything that is no index.
 * @example
 * ```ts
 * import { arange } from "oarjs";
 * const x = arange(12).reshape([3, 4]);
 * console.log(await x.at(0, "1:3").tolist(), x.at("...", null, -1).shape); // [1, 2] [3, 1]
 * ```
 */
export function at(x: Tensor, ...items: IndexItem[]): Tensor {
  const b = basicOf(x, stepsOf(x, items));
  const basic = applyBasic(x, b);
  if (b.advanced.length === 0) return basic === x ? views.reshape(x, x.shape) : basic;
  const front = frontOf(basic, b);
  const { axis, indices } = front;
  indices.forEach((index, j) => checkIndex(index, front.x.shape[axis + j]!, "at"));
  const where = indices.length === 1 ? indices[0]! : (linearIndex(front.x, indices, axis) as Tensor);
  const flat = indices.length === 1 ? front.x : views.flatten(front.x, axis, axis + indices.length - 1);
  const chosen = gather(flat, where, axis);
  return front.resultAxis === axis ? chosen : moveBlock(chosen, axis, where.shape.length, front.resultAxis);
}

/** Brings the axes of index tensors together, at the first of them; the result's place is 0 where they stood apart. */
function frontOf(x: Tensor, b: Basic): { x: Tensor; axis: number; indices: readonly Tensor[]; resultAxis: number } {
  const axis = b.advanced[0]!.axis;
  let moved = x;
  b.advanced.forEach((a, j) => {
    moved = moveAxis(moved, a.axis, axis + j);
  });
  return { x: moved, axis, indices: b.advanced.map((a) => a.index), resultAxis: b.together ? axis : 0 };
}

/** Moves `count` neighbouring axes from one place to another. */
function moveBlock(x: Tensor, from: number, count: number, to: number): Tensor {
  let out = x;
  for (let i = 0; i < count; i++)
    out = to < from ? moveAxis(out, from + i, to + i) : moveAxis(out, from, to + count - 1);
  return out;
}

/** A value of an assignment as a tensor of x's dtype. */
function valueTensor(value: Tensor | number | boolean | readonly unknown[], x: Tensor): Tensor {
  if (value instanceof Value) return cast(value as Tensor, x.dtype);
  if (typeof value === "object") return tensorOf(value, x.dtype);
  return full([], Number(value), x.dtype) as Tensor;
}

/** The value broadcast to a shape; its leading axes of extent 1 beyond the rank are dropped, as NumPy's assignment does. */
function fitted(value: Tensor, shape: Shape): Tensor {
  const extra = value.shape.length - shape.length;
  if (extra <= 0 || value.shape.slice(0, extra).some((n) => n !== 1)) return expand(value, shape);
  return expand(views.reshape(value, value.shape.slice(extra)), shape);
}

/**
 * Replaces part of a tensor in place, as Python's `x[...] = value`; the value broadcasts. Gradients flow to x and value.
 *
 * @throws as {@link at}; InvalidArgumentError when the value does not fit; PreconditionNotMetError for a leaf that needs a gradient.
 */
export function setAt(
  x: Tensor,
  items: IndexItem | readonly IndexItem[],
  value: Tensor | number | boolean | readonly unknown[],
): Tensor {
  const list = Array.isArray(items) ? (items as readonly IndexItem[]) : [items as IndexItem];
  const given = valueTensor(value, x);
  const recorded = isGradEnabled() && !(x.stopGradient && given.stopGradient);
  if (!recorded && x.storage && !isCapturing() && given.storage !== x.storage && writeInPlace(x, list, given)) return x;
  return inplace(x, "setAt", (former) => assigned(former, list, given === x ? former : given));
}

/** Where nothing is recorded, basic items write only the part they name. Returns false when there are index tensors. */
function writeInPlace(x: Tensor, items: readonly IndexItem[], value: Tensor): boolean {
  const b = basicOf(x, stepsOf(x, items));
  if (b.advanced.length > 0) return false;
  const kept = x.shape.map((n, axis) => {
    const j = b.axes.indexOf(axis);
    return j < 0 ? n : joining.sliceRange(n, b.starts[j]!, b.ends[j]!, b.strides[j]!).count;
  });
  const { axes, starts, ends, strides } = b;
  setSliceInplace(x, placed(value, kept, b), { axes, starts, ends, strides });
  return true;
}

function assigned(x: Tensor, items: readonly IndexItem[], value: Tensor): Tensor {
  const b = basicOf(x, stepsOf(x, items));
  const kept = b.axes.length > 0 ? joining.slice(x, b.axes, b.starts, b.ends, b.strides) : x;
  if (b.advanced.length === 0) return setSlice(x, placed(value, kept.shape, b), b.axes, b.starts, b.ends, b.strides);
  const part = advancedPut(applyBasic(x, b), b, value);
  return setSlice(x, views.reshape(part, kept.shape), b.axes, b.starts, b.ends, b.strides);
}

/** The value broadcast to what the index chooses, in the shape of the slice. */
function placed(value: Tensor, kept: Shape, b: Basic): Tensor {
  const shape = kept.filter((_, a) => !b.dropped.includes(a));
  for (const at of b.added) shape.splice(at, 0, 1);
  return views.reshape(
    fitted(value, shape),
    kept.map((n) => n),
  );
}

/** `part` with the value at index tensors. */
function advancedPut(part: Tensor, b: Basic, value: Tensor): Tensor {
  const front = frontOf(part, b);
  const count = linearIndex(front.x, front.indices, front.axis).shape;
  const rest = [...front.x.shape.slice(0, front.axis), ...front.x.shape.slice(front.axis + front.indices.length)];
  const shape = [...rest.slice(0, front.resultAxis), ...count, ...rest.slice(front.resultAxis)];
  const whole = moveBlock(fitted(value, shape), front.resultAxis, count.length, front.axis);
  const put = putAtIndices(front.x, front.indices, whole, front.axis, false);
  let back = put;
  [...b.advanced].reverse().forEach((a, j) => {
    back = moveAxis(back, front.axis + b.advanced.length - 1 - j, a.axis);
  });
  return back;
}

/** What Tensor has of these as methods. */
export const indexingMethods = { at, setAt };
