// Paddle's functions that make tensors from numbers, copies, conversions between dtypes, and facts about tensors.

import { type DType, dtypes, isComplex as isComplexDtype, requireDType, isFloat, isInt } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { publicExtent } from "../core/extents.js";
import { ndArray } from "../core/nd-array.js";
import { checkOptions, splitOptions, type Trailing } from "../core/options.js";
import { getDefaultDtype } from "../core/promotion.js";
import { sameShape, sizeOf } from "../core/shape.js";
import { Value } from "../program/value.js";
import { cast as castOf } from "../ops/cast.js";
import * as ops from "../ops/creation.js";
import { numelOf, shapeOf as extentsOf } from "../ops/extents.js";
import { isStaticMode } from "../trace/bind.js";
import { eye as eyeOf } from "../ops/triangle.js";
import { copyOf } from "../ops/copy.js";
import { fromArray } from "../trace/eager.js";
import { inplace } from "../trace/inplace.js";
import { type IntLike, intOf, type IntsLike, numberOf, shapeOf, tensorOf } from "./arguments.js";
import type { Tensor } from "./tensor.js";

/** Options of functions that make tensors. */
export interface DtypeOptions {
  /** Element type; the default is said with each function. */
  readonly dtype?: DType | null | undefined;
}

/** Options of Tensor's `newZeros` and its kin. */
export interface NewOptions extends DtypeOptions {
  readonly requiresGrad?: boolean | undefined;
  readonly device?: unknown;
  readonly pinMemory?: boolean | undefined;
}

function dtypeOption(op: string, rest: readonly unknown[]): DType | undefined {
  const { dtype } = splitOptions<DtypeOptions>(op, rest, ["dtype"]);
  return dtype === undefined || dtype === null ? undefined : requireDType(op, dtype);
}

const filled = (shape: readonly number[], value: number, dtype: DType): Tensor =>
  (isComplexDtype(dtype) && value !== 0
    ? castOf(ops.full(shape, value, dtype === "complex64" ? "float32" : "float64"), dtype)
    : ops.full(shape, value, dtype)) as Tensor;

/** `x` in another dtype; returned as it is when it has that dtype. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return castOf(x, requireDType("cast", dtype));
}
/** Alias of {@link cast}. */
export const astype = cast;
/** {@link cast} in place. */
export const cast_ = (x: Tensor, dtype: DType): Tensor => inplace(x, "cast_", (former) => castOf(former, dtype));
/** `x` in the dtype of `other`. */
export const typeAs = (x: Tensor, other: Tensor): Tensor => castOf(x, other.dtype);

/**
 * A tensor filled with one number, in the default float dtype unless another is given.
 *
 * @example
 * ```ts
 * import { full } from "oarjs";
 * console.log(await full([2], 7, { dtype: "int64" }).tolist()); // [7, 7]
 * ```
 */
export function full(
  shape: IntsLike,
  fillValue: number | boolean | Tensor,
  ...rest: Trailing<DType | null, DtypeOptions>
): Tensor {
  const own: DType =
    fillValue instanceof Value ? fillValue.dtype : typeof fillValue === "boolean" ? "bool" : getDefaultDtype();
  return filled(shapeOf(shape, "full"), numberOf(fillValue as number, "full"), dtypeOption("full", rest) ?? own);
}
/** Zeros, in the default float dtype unless another is given. */
export const zeros = (shape: IntsLike, ...rest: Trailing<DType | null, DtypeOptions>): Tensor =>
  filled(shapeOf(shape, "zeros"), 0, dtypeOption("zeros", rest) ?? getDefaultDtype());
/** Ones, in the default float dtype unless another is given. */
export const ones = (shape: IntsLike, ...rest: Trailing<DType | null, DtypeOptions>): Tensor =>
  filled(shapeOf(shape, "ones"), 1, dtypeOption("ones", rest) ?? getDefaultDtype());
/** A tensor whose contents say nothing (zeros here). */
export const empty = (shape: IntsLike, ...rest: Trailing<DType | null, DtypeOptions>): Tensor =>
  filled(shapeOf(shape, "empty"), 0, dtypeOption("empty", rest) ?? getDefaultDtype());

/** A tensor of x's shape filled with one number, of x's dtype unless another is given. */
export const fullLike = (
  x: Tensor,
  fillValue: number | Tensor,
  ...rest: Trailing<DType | null, DtypeOptions>
): Tensor => ops.fullLike(x, numberOf(fillValue, "fullLike"), dtypeOption("fullLike", rest) ?? x.dtype);
/** Zeros of x's shape, and dtype unless given. */
export const zerosLike = (x: Tensor, ...rest: Trailing<DType | null, DtypeOptions>): Tensor =>
  ops.fullLike(x, 0, dtypeOption("zerosLike", rest) ?? x.dtype);
/** Ones of x's shape, and dtype unless given. */
export const onesLike = (x: Tensor, ...rest: Trailing<DType | null, DtypeOptions>): Tensor =>
  ops.fullLike(x, 1, dtypeOption("onesLike", rest) ?? x.dtype);
/** A tensor like x whose contents say nothing (zeros here). */
export const emptyLike = (x: Tensor, ...rest: Trailing<DType | null, DtypeOptions>): Tensor =>
  ops.fullLike(x, 0, dtypeOption("emptyLike", rest) ?? x.dtype);

function made(op: string, x: Tensor, shape: IntsLike | number, value: number, options: NewOptions | undefined): Tensor {
  const o = checkOptions<NewOptions>(op, options, ["dtype", "requiresGrad", "device", "pinMemory"]);
  const out = filled(shapeOf(shape, op), value, o.dtype ?? x.dtype);
  out.stopGradient = !(o.requiresGrad ?? false);
  return out;
}
/** A tensor of x's dtype filled with one number. */
export const newFull = (x: Tensor, size: IntsLike, fillValue: number, options?: NewOptions): Tensor =>
  made("newFull", x, size, fillValue, options);
/** Zeros of x's dtype. */
export const newZeros = (x: Tensor, size: IntsLike, options?: NewOptions): Tensor =>
  made("newZeros", x, size, 0, options);
/** Ones of x's dtype. */
export const newOnes = (x: Tensor, size: IntsLike, options?: NewOptions): Tensor =>
  made("newOnes", x, size, 1, options);
/** A tensor of x's dtype whose contents say nothing (zeros here). */
export const newEmpty = (x: Tensor, size: IntsLike, options?: NewOptions): Tensor =>
  made("newEmpty", x, size, 0, options);

/** Options of {@link arange}. */
export interface ArangeOptions extends DtypeOptions {
  readonly start?: number | Tensor | undefined;
  readonly end?: number | Tensor | null | undefined;
  readonly step?: number | Tensor | undefined;
}

/**
 * Numbers from `start` up to, not including, `end`: `arange(end)`, `arange(start, end)`, `arange(start, end, step)`. Whole numbers give
 * int64, others the default float dtype.
 *
 * @throws InvalidArgumentError for a step of 0.
 */
export function arange(...rest: readonly (number | Tensor | DType | null | undefined | ArangeOptions)[]): Tensor {
  const o = splitOptions<ArangeOptions>("arange", rest, ["start", "end", "step", "dtype"], 4);
  const only = o.end === undefined || o.end === null;
  const given = [only ? 0 : (o.start ?? 0), only ? (o.start ?? 0) : o.end!, o.step ?? 1];
  const [start, end, step] = given.map((n) => numberOf(n, "arange")) as [number, number, number];
  const tensor = given.find((n) => n instanceof Value) as Tensor | undefined;
  const whole = [start, end, step].every(Number.isInteger);
  const dtype = o.dtype ?? tensor?.dtype ?? (whole ? "int64" : getDefaultDtype());
  if (step === 0)
    throw new InvalidArgumentError("step must not be 0.", { op: "arange", hint: "use full for equal numbers." });
  if (!Number.isFinite(start) || !Number.isFinite(end))
    throw new InvalidArgumentError("bounds must be finite.", { op: "arange", start, end });
  return ops.arange(start, step, Math.max(0, Math.ceil((end - start) / step)), dtype) as Tensor;
}

function countOf(num: IntLike, op: string): number {
  const n = intOf(num, op);
  if (n <= 0) throw new InvalidArgumentError(`num must be positive, got ${n}.`, { op, num: n });
  return n;
}

const spacedDtype = (op: string, ends: readonly (number | Tensor)[], dtype: DType | undefined): DType =>
  dtype ??
  (ends.some((e) => e instanceof Value && e.dtype === "float64")
    ? "float64"
    : (dtypeOption(op, []) ?? getDefaultDtype()));

/** `num` numbers at equal distances from `start` to `stop`, both included. */
export function linspace(
  start: number | Tensor,
  stop: number | Tensor,
  num: IntLike,
  ...rest: Trailing<DType | null, DtypeOptions>
): Tensor {
  const dtype = spacedDtype("linspace", [start, stop], dtypeOption("linspace", rest));
  return ops.linspace(
    numberOf(start, "linspace"),
    numberOf(stop, "linspace"),
    countOf(num, "linspace"),
    dtype,
  ) as Tensor;
}

/** Options of {@link logspace}. */
export interface LogspaceOptions extends DtypeOptions {
  /** Default 10. */
  readonly base?: number | Tensor | undefined;
}

/** `num` powers of `base` whose exponents lie at equal distances from `start` to `stop`. */
export function logspace(
  start: number | Tensor,
  stop: number | Tensor,
  num: IntLike,
  ...rest: Trailing<number | Tensor, LogspaceOptions>
): Tensor {
  const o = splitOptions<LogspaceOptions>("logspace", rest, ["base", "dtype"]);
  const dtype = spacedDtype("logspace", [start, stop], o.dtype ?? undefined);
  const [from, to, base] = [start, stop, o.base ?? 10].map((n) => numberOf(n, "logspace")) as [number, number, number];
  return ops.logspace(from, to, countOf(num, "logspace"), base, dtype) as Tensor;
}

/** Options of {@link eye}. */
export interface EyeOptions extends DtypeOptions {
  /** Default: as many as rows. */
  readonly numColumns?: number | null | undefined;
}

/** A matrix with ones on the diagonal. */
export function eye(numRows: IntLike, ...rest: Trailing<number | null, EyeOptions>): Tensor {
  const { numColumns, dtype } = splitOptions<EyeOptions>("eye", rest, ["numColumns", "dtype"]);
  const [rows, cols] = shapeOf([numRows, numColumns ?? numRows], "eye") as [number, number];
  return eyeOf(rows, cols, dtype ?? getDefaultDtype()) as Tensor;
}

/** A copy, through which gradients flow. */
export const clone = (x: Tensor): Tensor => copyOf(x);

/** Options of {@link assign}. */
export interface AssignOptions {
  /** A tensor of the same shape that takes the values in place. */
  readonly output?: Tensor | null | undefined;
}

/** A copy of a tensor, or a tensor from nested arrays: whole numbers give int64, others float64, booleans bool. */
export function assign(
  x: Tensor | number | boolean | readonly unknown[],
  ...rest: Trailing<Tensor | null, AssignOptions>
): Tensor {
  const { output } = splitOptions<AssignOptions>("assign", rest, ["output"]);
  const value = x instanceof Value ? copyOf(x as Tensor) : tensorOf(typeof x === "object" ? x : [x], literalDtype(x));
  if (!output) return value;
  return inplace(output, "assign", (former) => castOf(value, former.dtype));
}

/** The dtype Paddle gives to Python's numbers where it keeps what NumPy would make of them. */
function literalDtype(x: unknown): DType {
  const flat = Array.isArray(x) ? x.flat(Number.POSITIVE_INFINITY) : [x];
  if (flat.every((v) => typeof v === "boolean")) return "bool";
  return flat.every((v) => typeof v === "bigint" || Number.isInteger(v)) ? "int64" : "float64";
}

const scalarTensor = (n: number): Tensor => fromArray(ndArray("int64", [], BigInt64Array.of(BigInt(n)))) as Tensor;

/** Whether what is asked of a shape must wait for a run: in static Programs, and where an extent is not known yet. */
const waits = (x: Tensor): boolean => !!x.symbol && (isStaticMode() || x.shape.some((n) => publicExtent(n) < 0));

/** The number of elements, as an int64 scalar; of a Program's variable, as a variable. */
export const numel = (x: Tensor): Tensor => (waits(x) ? numelOf(x) : scalarTensor(sizeOf(x.shape)));
/** The number of axes, as an int32 scalar. */
export const rank = (x: Tensor): Tensor => fromArray(ndArray("int32", [], Int32Array.of(x.shape.length))) as Tensor;
/** The extents, as an int64 vector; of a Program's variable, as a variable that has the sizes which are fed. */
export const shape = (x: Tensor): Tensor =>
  waits(x)
    ? extentsOf(x)
    : (fromArray(ndArray("int64", [x.shape.length], BigInt64Array.from(x.shape, BigInt))) as Tensor);
/** Whether there are no elements, as a bool scalar. */
export const isEmpty = (x: Tensor): Tensor =>
  fromArray(ndArray("bool", [], Uint8Array.of(sizeOf(x.shape) === 0 ? 1 : 0))) as Tensor;
/** Whether the dtype is complex. */
export const isComplex = (x: Tensor): boolean => isComplexDtype(requireTensor(x, "isComplex").dtype);
/** Whether the dtype is a real floating-point one. */
export const isFloatingPoint = (x: Tensor): boolean => isFloat(requireTensor(x, "isFloatingPoint").dtype);
/** Whether the dtype is an integer one. */
export const isInteger = (x: Tensor): boolean => isInt(requireTensor(x, "isInteger").dtype);
/** Whether two tensors have one shape. */
export const isSameShape = (x: Tensor, y: Tensor): boolean => sameShape(x.shape, y.shape);

function requireTensor(x: unknown, op: string): Tensor {
  if (x instanceof Value) return x as Tensor;
  throw new InvalidArgumentError("a Tensor was expected.", { op, got: typeof x });
}

/** Bytes of one element. */
export const elementSize = (x: Tensor): number => dtypes[x.dtype].bytes;
/** Number of axes. */
export const dim = (x: Tensor): number => x.shape.length;
/** Whether the elements lie in row-major order: always here. */
export const isContiguous = (_: Tensor): boolean => true;
/** The tensor itself: elements always lie in row-major order. */
export const contiguous = (x: Tensor): Tensor => x;
/** A tensor in main memory: itself. */
export const cpu = (x: Tensor): Tensor => x;

/** Fills with one number, in place. */
export const fill_ = (x: Tensor, value: number | Tensor): Tensor =>
  inplace(x, "fill_", (former) => ops.fill(former, numberOf(value, "fill_")));
/** Fills with zeros, in place. */
export const zero_ = (x: Tensor): Tensor => inplace(x, "zero_", (former) => ops.fill(former, 0));

const to = (dtype: DType) => (x: Tensor) => castOf(x, dtype);

/** What Tensor has of these as methods. */
export const creationMethods = {
  cast,
  cast_,
  astype,
  typeAs,
  bool: to("bool"),
  byte: to("uint8"),
  char: to("int8"),
  short: to("int16"),
  int: to("int32"),
  long: to("int64"),
  half: to("float16"),
  bfloat16: to("bfloat16"),
  float: to("float32"),
  double: to("float64"),
  cfloat: to("complex64"),
  cdouble: to("complex128"),
  clone,
  numel,
  rank,
  isEmpty,
  isComplex,
  isFloatingPoint,
  isInteger,
  isSameShape,
  elementSize,
  dim,
  ndimension: dim,
  isContiguous,
  contiguous,
  cpu,
  fill_,
  zero_,
  newFull,
  newZeros,
  newOnes,
  newEmpty,
};
