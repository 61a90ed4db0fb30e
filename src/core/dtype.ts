// The twelve element types of tensors: their sizes, kinds, array classes and Paddle's promotion table.

import { InvalidArgumentError, nearest } from "./errors.js";

/** Element type of a tensor, by Paddle's name. */
export type DType =
  | "bool"
  | "uint8"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "complex64"
  | "complex128";

/** What family of numbers a dtype belongs to. */
export type DTypeKind = "bool" | "int" | "float" | "complex";

/** The typed array that carries a dtype's elements outside the engine: float16 and bfloat16 as bits, complex interleaved. */
export interface TypedArrayOf {
  bool: Uint8Array;
  uint8: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float32: Float32Array;
  float64: Float64Array;
  complex64: Float32Array;
  complex128: Float64Array;
}

/** Any of the arrays in {@link TypedArrayOf}. */
export type TypedArray = TypedArrayOf[DType];

interface TypedArrayClass {
  new (length: number): TypedArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
}

/** Facts about one dtype. `id` is a small integer for cache keys. */
export interface DTypeInfo {
  readonly name: DType;
  readonly id: number;
  readonly kind: DTypeKind;
  /** Bytes of one element; for complex types both parts together. */
  readonly bytes: number;
  readonly array: TypedArrayClass;
}

const row = (name: DType, id: number, kind: DTypeKind, bytes: number, array: unknown): DTypeInfo => ({
  name,
  id,
  kind,
  bytes,
  array: array as TypedArrayClass,
});

/** Every dtype's facts, by name. */
export const dtypes: Readonly<Record<DType, DTypeInfo>> = {
  bool: row("bool", 0, "bool", 1, Uint8Array),
  uint8: row("uint8", 1, "int", 1, Uint8Array),
  int8: row("int8", 2, "int", 1, Int8Array),
  int16: row("int16", 3, "int", 2, Int16Array),
  int32: row("int32", 4, "int", 4, Int32Array),
  int64: row("int64", 5, "int", 8, BigInt64Array),
  float16: row("float16", 6, "float", 2, Uint16Array),
  bfloat16: row("bfloat16", 7, "float", 2, Uint16Array),
  float32: row("float32", 8, "float", 4, Float32Array),
  float64: row("float64", 9, "float", 8, Float64Array),
  complex64: row("complex64", 10, "complex", 8, Float32Array),
  complex128: row("complex128", 11, "complex", 16, Float64Array),
};

/** All dtype names, in the order of their ids. */
export const dtypeNames = Object.keys(dtypes) as DType[];

/** Whether `x` names a dtype. */
export const isDType = (x: unknown): x is DType => typeof x === "string" && Object.hasOwn(dtypes, x);

/**
 * `x`, refused unless it names a dtype.
 *
 * @param api the public name that the error shows
 * @throws InvalidArgumentError with the nearest dtype as a hint.
 */
export function requireDType(api: string, x: unknown): DType {
  if (isDType(x)) return x;
  const near = typeof x === "string" ? nearest(x, dtypeNames) : undefined;
  throw new InvalidArgumentError(`${typeof x === "string" ? JSON.stringify(x) : String(x)} is no dtype.`, {
    op: api,
    dtype: x,
    hint: near === undefined ? `The dtypes are ${dtypeNames.join(", ")}.` : `Did you mean ${JSON.stringify(near)}?`,
  });
}

/** Whether a dtype can carry a gradient: floating-point or complex. */
export const isDifferentiable = (d: DType): boolean => dtypes[d].kind === "float" || dtypes[d].kind === "complex";

/** Whether a dtype is a real floating-point type. */
export const isFloat = (d: DType): boolean => dtypes[d].kind === "float";

/** Whether a dtype is a (signed or unsigned) integer type; `bool` is not. */
export const isInt = (d: DType): boolean => dtypes[d].kind === "int";

/** Whether a dtype is complex. */
export const isComplex = (d: DType): boolean => dtypes[d].kind === "complex";

/** The real dtype of a complex dtype's parts; a real dtype is returned as it is. */
export const realOf = (d: DType): DType => (d === "complex64" ? "float32" : d === "complex128" ? "float64" : d);

/** The complex dtype whose parts have real dtype `d`. */
export const complexOf = (d: DType): DType => (d === "float64" || d === "complex128" ? "complex128" : "complex64");
