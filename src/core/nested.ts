// Nested JavaScript arrays to and from NdArrays.

import { type DType, dtypes } from "./dtype.js";
import { InvalidArgumentError } from "./errors.js";
import { emptyData, type NdArray } from "./nd-array.js";
import { sizeOf } from "./shape.js";

/** A number, boolean, bigint, complex pair, or arrays of them. */
export type Nested = number | boolean | bigint | readonly Nested[];

/** The element at a position of an NdArray as a plain value. */
function elementAt(a: NdArray, i: number): Nested {
  switch (a.dtype) {
    case "bool":
      return a.data[i] !== 0;
    case "int64": {
      const v = a.data[i] as bigint;
      return v >= -(2n ** 53n) && v <= 2n ** 53n ? Number(v) : v;
    }
    case "float16":
      return halfToNumber(a.data[i] as number);
    case "bfloat16":
      return bfloatToNumber(a.data[i] as number);
    case "complex64":
    case "complex128":
      return [a.data[2 * i] as number, a.data[2 * i + 1] as number];
    default:
      return a.data[i] as number;
  }
}

/** Nested arrays of an NdArray's elements; a scalar gives the element. */
export function toNested(a: NdArray): Nested {
  let position = 0;
  const level = (axis: number): Nested => {
    if (axis === a.shape.length) return elementAt(a, position++);
    return Array.from({ length: a.shape[axis]! }, () => level(axis + 1));
  };
  return level(0);
}

/** The number a float16 bit pattern stands for. */
export function halfToNumber(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const mantissa = h & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The number a bfloat16 bit pattern stands for. */
export function bfloatToNumber(h: number): number {
  word.setUint32(0, h << 16);
  return word.getFloat32(0);
}

/** The bfloat16 bits nearest to a number, ties to even. */
export function numberToBfloat(x: number): number {
  word.setFloat32(0, x);
  const bits = word.getUint32(0);
  if (Number.isNaN(x)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The float16 bits nearest to a number, ties to even. */
export function numberToHalf(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const a = Math.abs(x);
  if (a >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(a || 2 ** -30)));
  const scaled = a / 2 ** (exponent - 10);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return sign | (a < 2 ** -14 ? rounded : ((exponent + 15) << 10) + (rounded - 1024));
}

/** Writes a plain value as an element. */
export function writeElement(data: NdArray["data"], dtype: DType, i: number, v: number | boolean | bigint): void {
  if (dtype === "int64") (data as BigInt64Array)[i] = typeof v === "bigint" ? v : BigInt(Math.trunc(Number(v)));
  else if (dtype === "float16") (data as Uint16Array)[i] = numberToHalf(Number(v));
  else if (dtype === "bfloat16") (data as Uint16Array)[i] = numberToBfloat(Number(v));
  else if (dtype === "bool") (data as Uint8Array)[i] = v ? 1 : 0;
  else if (dtypes[dtype].kind === "complex") (data as Float64Array)[2 * i] = Number(v);
  else (data as Float64Array)[i] = Number(v);
}

/** The shape of nested arrays; throws InvalidArgument naming where they are ragged. */
export function shapeOfNested(x: unknown): number[] {
  const shape: number[] = [];
  for (let at = x; Array.isArray(at); at = at[0]) shape.push(at.length);
  const check = (v: unknown, axis: number, path: string): void => {
    if (axis === shape.length) {
      if (Array.isArray(v)) throw ragged(path);
      return;
    }
    if (!Array.isArray(v) || v.length !== shape[axis]) throw ragged(path);
    v.forEach((item, i) => check(item, axis + 1, `${path}[${i}]`));
  };
  check(x, 0, "data");
  return shape;
}

const ragged = (path: string): InvalidArgumentError =>
  new InvalidArgumentError(`the nested arrays are ragged at ${path}: every level must have equal lengths.`, {
    op: "toTensor",
    path,
  });

/** Nested arrays as an NdArray of `dtype`. */
export function fromNested(x: unknown, dtype: DType): NdArray {
  const shape = shapeOfNested(x);
  const data = emptyData(dtype, sizeOf(shape));
  let i = 0;
  const fill = (v: unknown): void => {
    if (Array.isArray(v)) v.forEach(fill);
    else writeElement(data, dtype, i++, v as number);
  };
  fill(x);
  return { dtype, shape, data };
}
