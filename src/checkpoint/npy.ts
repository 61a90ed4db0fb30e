// .npy: NumPy's file of one array, read to and written from NdArray. Bytes in, bytes out; nothing in a file is executed.

import { type DType, type TypedArray, dtypes } from "../core/dtype.js";
import { InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { type NdArray, emptyData, entriesOf } from "../core/nd-array.js";
import { type Shape, sizeOf } from "../core/shape.js";
import { corrupt } from "./corrupt.js";
import { type NpyHeader, readNpyHeader, writeNpyHeader } from "./npy-header.js";

/** How a .npy file is read. */
export interface NpyOptions {
  /**
   * What `uint16` elements are: "bfloat16" (the default) takes them as bit patterns, as Paddle does, whose bfloat16 tensors
   * are `uint16` in NumPy; "int32" takes them as numbers.
   */
  uint16?: "bfloat16" | "int32" | undefined;
}

/** NumPy's type codes without byte order, and the dtype whose elements have the same bytes. */
const dtypeOfCode: Readonly<Record<string, DType>> = {
  b1: "bool",
  u1: "uint8",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  f2: "float16",
  f4: "float32",
  f8: "float64",
  c8: "complex64",
  c16: "complex128",
  u2: "bfloat16",
  V2: "bfloat16", // ml_dtypes.bfloat16, which np.save can only call "two bytes"
};

/** NumPy's type codes with byte order. */
export const codeOfDType: Readonly<Record<DType, string>> = {
  bool: "|b1",
  uint8: "|u1",
  int8: "|i1",
  int16: "<i2",
  int32: "<i4",
  int64: "<i8",
  float16: "<f2",
  bfloat16: "<u2",
  float32: "<f4",
  float64: "<f8",
  complex64: "<c8",
  complex128: "<c16",
};

/**
 * Reads a .npy file, versions 1 to 3, either byte order, C or Fortran order (the result is always row-major).
 *
 * `uint16` and two-byte void (ml_dtypes) are bfloat16 bits, see {@link NpyOptions}; `uint32` widens to int64, and so does
 * `uint64` where every value fits.
 *
 * @param format what messages call the file
 * @throws InvalidArgumentError with `fields.offset` when the bytes are damaged or cut off; UnimplementedError for element types
 *   that tensors do not have (objects, strings, dates, long doubles, records).
 * @example
 * const { dtype, shape, data } = readNpy(await readFile("x.npy"));
 */
export function readNpy(bytes: Uint8Array, options: NpyOptions = {}, format = "npy"): NdArray {
  const header = readNpyHeader(bytes, format);
  checkSize(bytes, header, format);
  return decodeElements(new Uint8Array(bytes.subarray(header.dataOffset)), header, options, format);
}

/** The array that a header describes, of elements in memory that it may keep; pickled arrays have the same parts. */
export function decodeElements(elements: Uint8Array, header: NpyHeader, options: NpyOptions, format: string): NdArray {
  const raw = inThisOrder(elements, header, format);
  const array = interpret(raw, header.shape, options, format);
  return header.fortranOrder && header.shape.length > 1 ? { ...array, data: toRowMajor(array) } : array;
}

/**
 * Writes an array as .npy version 1, little-endian, C order; bfloat16 as its `uint16` bits.
 *
 * @example
 * await writeFile("x.npy", writeNpy(array));
 */
export function writeNpy(array: NdArray): Uint8Array {
  const { dtype, shape, data } = array;
  if (data.length !== entriesOf(dtype, sizeOf(shape))) {
    throw new InvalidArgumentError("the array's data does not fit its shape.", {
      op: "npy",
      shape,
      entries: data.length,
    });
  }
  const header = writeNpyHeader(codeOfDType[dtype], shape);
  const bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return bytes;
}

interface RawElements {
  /** NumPy's type code without byte order. */
  readonly code: string;
  readonly bytes: Uint8Array;
}

/** NumPy's type code of elements, and their byte order. */
function typeOf(descr: string, format: string): { readonly order: string; readonly code: string; itemBytes: number } {
  const [, order = "", code = ""] = /^([<>|=]?)([a-zA-Z]\d{1,3})$/.exec(descr) ?? [];
  if (!Object.hasOwn(dtypeOfCode, code) && code !== "u4" && code !== "u8") throw unsupported(descr, format);
  return { order, code, itemBytes: Number.parseInt(code.slice(1), 10) };
}

/** The header's size is believed only after it was compared with what is there. */
function checkSize(bytes: Uint8Array, { descr, shape, dataOffset }: NpyHeader, format: string): void {
  const needed = sizeOf(shape) * typeOf(descr, format).itemBytes;
  const available = bytes.length - dataOffset;
  if (needed > available) {
    const size = `shape [${shape.join(", ")}] of ${descr} needs ${needed} bytes`;
    throw corrupt(format, bytes.length, `the file ends: ${size}, ${available} are there`);
  }
  if (needed < available) throw corrupt(format, dataOffset + needed, `${available - needed} bytes follow the array`);
}

/** The elements brought to this machine's byte order (little-endian, as WebAssembly's). */
function inThisOrder(bytes: Uint8Array, { descr }: NpyHeader, format: string): RawElements {
  const { order, code, itemBytes } = typeOf(descr, format);
  if (order === ">") swapBytes(bytes, code.startsWith("c") ? itemBytes / 2 : itemBytes);
  return { code, bytes };
}

function unsupported(descr: string, format: string): UnimplementedError {
  const object = descr.endsWith("O");
  return new UnimplementedError(`elements of type ${JSON.stringify(descr)} are not supported.`, {
    op: format,
    descr,
    hint: object
      ? "An object array holds pickled Python objects, which are never executed here; save it with a numeric dtype."
      : "Convert it in NumPy to a numeric dtype first.",
  });
}

function interpret({ code, bytes }: RawElements, shape: Shape, options: NpyOptions, format: string): NdArray {
  const { buffer, byteOffset, length } = bytes;
  if (code === "u4") {
    return { dtype: "int64", shape, data: BigInt64Array.from(new Uint32Array(buffer, byteOffset, length / 4), BigInt) };
  }
  if (code === "u8") {
    return { dtype: "int64", shape, data: signed(new BigUint64Array(buffer, byteOffset, length / 8), format) };
  }
  if (code === "u2" && options.uint16 === "int32") {
    return { dtype: "int32", shape, data: Int32Array.from(new Uint16Array(buffer, byteOffset, length / 2)) };
  }
  if (code === "b1") return { dtype: "bool", shape, data: bytes.map((b) => (b === 0 ? 0 : 1)) };
  const dtype = dtypeOfCode[code]!;
  const { array } = dtypes[dtype];
  return { dtype, shape, data: new array(buffer, byteOffset, length / array.BYTES_PER_ELEMENT) };
}

function signed(values: BigUint64Array, format: string): BigInt64Array {
  const index = values.findIndex((v) => v >= 1n << 63n);
  if (index === -1) return new BigInt64Array(values.buffer, values.byteOffset, values.length);
  throw new UnimplementedError(`uint64 element ${index} is ${values[index]}, beyond int64.`, { op: format, index });
}

/** Reverses the bytes of each unit. */
function swapBytes(bytes: Uint8Array, unit: number): void {
  for (let start = 0; start < bytes.length; start += unit) {
    for (let i = start, j = start + unit - 1; i < j; i++, j--) {
      const byte = bytes[i]!;
      bytes[i] = bytes[j]!;
      bytes[j] = byte;
    }
  }
}

/** Puts column-major elements in row-major order. */
function toRowMajor({ dtype, shape, data }: NdArray): TypedArray {
  const parts = entriesOf(dtype, 1);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  const out: TypedArray = emptyData(dtype, sizeOf(shape));
  let from = 0;
  for (let to = 0; to < out.length; to += parts) {
    for (let p = 0; p < parts; p++) out[to + p] = data[from * parts + p]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
