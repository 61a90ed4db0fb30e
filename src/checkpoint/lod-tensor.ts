// LoDTensor streams: Paddle's binary tensors, alone (`save_vars`) or one after another without names (`.pdiparams`).

import { type DType, dtypes } from "../core/dtype.js";
import { type InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { emptyData, type NdArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { corrupt } from "./corrupt.js";

/** Paddle's VarType.Type numbers. */
const typeNumbers: Readonly<Record<DType, number>> = {
  bool: 0,
  int16: 1,
  int32: 2,
  int64: 3,
  float16: 4,
  float32: 5,
  float64: 6,
  uint8: 20,
  int8: 21,
  bfloat16: 22,
  complex64: 23,
  complex128: 24,
};

const dtypeOf = new Map(Object.entries(typeNumbers).map(([dtype, n]) => [n, dtype as DType]));

const format = "lod-tensor";

/** A tensor of a stream with its levels of detail: offsets of sequences, none for ordinary tensors. */
export interface StreamTensor {
  readonly array: NdArray;
  readonly lod: readonly (readonly number[])[];
  /** The byte after it. */
  readonly end: number;
}

/**
 * Reads one tensor of a stream.
 *
 * @throws InvalidArgumentError with `fields.offset` when the bytes are damaged.
 */
export function readTensor(bytes: Uint8Array, start = 0): StreamTensor {
  const r = new Reader(bytes, start);
  if (r.u32("the version") !== 0) throw r.damaged("this is no tensor of Paddle's: its version is not 0", 4);
  const lod = readLevels(r);
  if (r.u32("the tensor's version") !== 0) throw r.damaged("the tensor's version is not 0", 4);
  const { dtype, shape } = readDescription(r);
  const size = sizeOf(shape) * dtypes[dtype].bytes;
  if (!(size <= r.left))
    throw r.damaged(`shape [${shape.join(", ")}] of ${dtype} needs ${size} bytes, ${r.left} are left`);
  const data = emptyData(dtype, sizeOf(shape));
  new Uint8Array(data.buffer).set(r.take(size, "the elements"));
  return { array: { dtype, shape, data }, lod, end: r.offset };
}

/**
 * Reads all tensors of a combined file, in order; the file has no names.
 *
 * @throws InvalidArgumentError with `fields.offset` when the bytes are damaged.
 */
export function readTensors(bytes: Uint8Array): NdArray[] {
  const out: NdArray[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { array, end } = readTensor(bytes, at);
    out.push(array);
    at = end;
  }
  return out;
}

/** Whether bytes may be a stream: it begins with version 0. */
export const hasTensorMagic = (bytes: Uint8Array): boolean =>
  bytes.length >= 20 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0;

function readLevels(r: Reader): number[][] {
  const levels = r.u64("the number of levels");
  if (levels > r.left / 8) throw r.damaged(`${levels} levels are announced`, 8);
  return Array.from({ length: levels }, () => {
    const size = r.u64("the size of a level");
    if (size % 8 !== 0 || size > r.left) throw r.damaged(`a level of ${size} bytes`, 8);
    return Array.from({ length: size / 8 }, () => r.u64("an offset"));
  });
}

/** A protobuf message: field 1 the type, field 2 (repeated) the extents. */
function readDescription(r: Reader): { readonly dtype: DType; readonly shape: number[] } {
  const size = r.i32("the size of the description");
  if (size < 2 || size > r.left) throw r.damaged(`a description of ${size} bytes`, 4);
  const end = r.offset + size;
  const shape: number[] = [];
  let dtype: DType | undefined;
  while (r.offset < end) {
    const tag = r.varint();
    if (tag === 8) {
      const n = r.varint();
      dtype = dtypeOf.get(n);
      if (!dtype) throw r.damaged(`there is no element type ${n}`);
    } else if (tag === 16) shape.push(extent(r));
    else if (tag === 18) for (const stop = r.varint() + r.offset; r.offset < stop; ) shape.push(extent(r));
    else throw r.damaged(`the description has an unknown field ${tag >> 3}`);
  }
  if (r.offset !== end || !dtype) throw r.damaged("the description does not end where it should");
  return { dtype, shape };
}

function extent(r: Reader): number {
  const n = r.varint();
  if (n > 2 ** 40) throw r.damaged(`${n} is no extent`);
  return n;
}

class Reader {
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    public offset: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.offset;
  }

  damaged(problem: string, back = 0): InvalidArgumentError {
    return corrupt(format, this.offset - back, problem);
  }

  private skip(n: number, what: string): number {
    if (n > this.left) throw this.damaged(`the file ends inside ${what}`);
    const at = this.offset;
    this.offset += n;
    return at;
  }

  take(n: number, what: string): Uint8Array {
    const at = this.skip(n, what);
    return this.bytes.subarray(at, at + n);
  }

  u32(what: string): number {
    return this.view.getUint32(this.skip(4, what), true);
  }

  i32(what: string): number {
    return this.view.getInt32(this.skip(4, what), true);
  }

  u64(what: string): number {
    return Number(this.view.getBigUint64(this.skip(8, what), true));
  }

  /** A protobuf integer; negative ones come out beyond 2^63. */
  varint(): number {
    let x = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.skip(1, "an integer")]!;
      x |= BigInt(byte & 127) << shift;
      if (byte < 128) return Number(x);
    }
    throw this.damaged("an integer of more than ten bytes");
  }
}

/**
 * Writes an array as a LoDTensor without levels: what Paddle's `save_vars` puts in a file.
 *
 * @throws UnimplementedError for an array whose description Paddle could not read.
 */
export function writeTensor({ dtype, shape, data }: NdArray): Uint8Array {
  const description = [8, typeNumbers[dtype], ...shape.flatMap((n) => [16, ...varint(n)])];
  if (description.length >= 2 ** 31) throw new UnimplementedError("too many axes.", { op: format });
  const head = 4 + 8 + 4 + 4 + description.length;
  const out = new Uint8Array(head + data.byteLength);
  new DataView(out.buffer).setInt32(16, description.length, true);
  out.set(description, 20);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), head);
  return out;
}

/** Writes tensors one after another: Paddle's combined files. */
export function writeTensors(arrays: readonly NdArray[]): Uint8Array {
  const parts = arrays.map(writeTensor);
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function varint(n: number): number[] {
  const out: number[] = [];
  let rest = n;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  return [...out, rest];
}
