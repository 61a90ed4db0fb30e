// Collation: many samples to one batch, arrays first and tensors last, so that a batch is copied once.

import { type DType, dtypes, type TypedArray } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { emptyData, entriesOf, isNdArray, type NdArray } from "../core/nd-array.js";
import { describe } from "../core/options.js";
import { fromNested } from "../core/nested.js";
import { getDefaultDtype } from "../core/promotion.js";
import { formatShape, sameShape, sizeOf } from "../core/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";

/** What becomes of a sample of type T when many are batched: each array or number a tensor with a new first axis. */
export type Collated<T> = unknown extends T
  ? unknown
  : T extends number | bigint | boolean | TypedArray | NdArray | Tensor
    ? Tensor
    : T extends string
      ? string[]
      : T extends readonly unknown[] | Readonly<Record<string, unknown>>
        ? { -readonly [K in keyof T]: Collated<T[K]> }
        : unknown;

/** What becomes of a batch that `collateFn` made: arrays are tensors, the rest is left. */
export type AsTensors<T> = T extends TypedArray | NdArray
  ? Tensor
  : T extends Tensor
    ? T
    : T extends readonly unknown[] | Readonly<Record<string, unknown>>
      ? { -readonly [K in keyof T]: AsTensors<T[K]> }
      : T;

/**
 * Paddle's default collation: samples of equal form become one of arrays with a new first axis. Numbers give the default float dtype,
 * booleans bool, bigints int64, as `toTensor` does; typed arrays, NdArrays and tensors keep their dtype; strings are listed; arrays and
 * records are collated field by field.
 *
 * @throws InvalidArgumentError, naming the field, when samples differ in form or hold anything else.
 */
export function collateArrays(samples: readonly unknown[], field = "sample"): unknown {
  const [first] = samples;
  switch (typeof first) {
    case "number":
      return fill(getDefaultDtype(), ofType("number", samples, field));
    case "boolean":
      return fill("bool", ofType("boolean", samples, field));
    case "bigint":
      return fill("int64", ofType("bigint", samples, field));
    case "string":
      return ofType("string", samples, field);
  }
  if (isArrayLike(first)) return stackArrays(samples, field);
  if (Array.isArray(first)) {
    const same = samples.every((s) => Array.isArray(s) && s.length === first.length);
    if (!same) throw differ(field, "lengths or types");
    return first.map((_, i) =>
      collateArrays(
        samples.map((s) => (s as unknown[])[i]),
        `${field}[${i}]`,
      ),
    );
  }
  if (isRecord(first)) {
    const keys = Object.keys(first);
    const same = samples.every(
      (s) => isRecord(s) && Object.keys(s).length === keys.length && keys.every((k) => k in s),
    );
    if (!same) throw differ(field, "keys");
    const column = (key: string) => samples.map((s) => (s as Record<string, unknown>)[key]);
    return Object.fromEntries(keys.map((key) => [key, collateArrays(column(key), `${field}.${key}`)]));
  }
  throw new InvalidArgumentError(`${field} is ${describe(first)}, which makes no batch.`, {
    op: "DataLoader",
    field,
    hint: "Give numbers, typed arrays, NdArrays, tensors, or arrays and records of them; or pass collateFn.",
  });
}

/** Arrays in a batch become tensors; everything else is left. */
export function asTensors(batch: unknown): unknown {
  if (batch instanceof Tensor) return batch;
  if (isNdArray(batch)) return toTensor(batch);
  if (ArrayBuffer.isView(batch) && !(batch instanceof DataView)) return toTensor(batch as TypedArray);
  if (Array.isArray(batch)) return batch.map(asTensors);
  if (isRecord(batch)) return Object.fromEntries(Object.entries(batch).map(([key, x]) => [key, asTensors(x)]));
  return batch;
}

function ofType<T>(type: string, samples: readonly unknown[], field: string): readonly T[] {
  if (samples.some((s) => typeof s !== type)) throw differ(field, "types");
  return samples as readonly T[];
}

function fill(dtype: DType, values: readonly (number | boolean | bigint)[]): NdArray {
  return fromNested(values, dtype);
}

const isArrayLike = (x: unknown): boolean =>
  x instanceof Tensor || isNdArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView));

/** A record: an object literal or what structured cloning makes of one. */
const isRecord = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && [Object.prototype, null].includes(Object.getPrototypeOf(x));

function stackArrays(samples: readonly unknown[], field: string): NdArray {
  const first = partsOf(samples[0], field);
  const { dtype, shape } = first;
  const row = entriesOf(dtype, sizeOf(shape));
  const data: TypedArray = emptyData(dtype, sizeOf(shape) * samples.length);
  samples.forEach((sample, i) => {
    const x = i === 0 ? first : partsOf(sample, field);
    if (x.dtype !== dtype || !sameShape(x.shape, shape)) {
      const [a, b] = [first, x].map((p) => `${p.dtype}${formatShape(p.shape)}`);
      throw differ(field, "shapes or dtypes", `${a} and ${b}`);
    }
    (data as { set(values: ArrayLike<unknown>, offset: number): void }).set(x.data, i * row);
  });
  return { dtype, shape: [samples.length, ...shape], data } as NdArray;
}

function partsOf(x: unknown, field: string): NdArray {
  if (x instanceof Tensor) return { dtype: x.dtype, shape: x.shape, data: x.dataSync() } as NdArray;
  if (isNdArray(x)) return x;
  if (!isArrayLike(x)) throw differ(field, "types");
  const data = x as TypedArray;
  return { dtype: dtypeOfArray(data, field), shape: [data.length], data } as NdArray;
}

/** The dtype of a typed array; 16-bit words are float16 bits, as in toTensor. */
function dtypeOfArray(data: TypedArray | Uint8ClampedArray, field: string): DType {
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return "uint8";
  if (data instanceof Uint16Array) return "float16";
  const found = Object.values(dtypes).find((d) => (data as object).constructor === d.array);
  if (found) return found.name;
  throw new InvalidArgumentError(`${field} is ${describe(data)}, which has no dtype here.`, {
    op: "DataLoader",
    field,
  });
}

const differ = (field: string, what: string, which?: string): InvalidArgumentError =>
  new InvalidArgumentError(`${field} differs in ${what} between the samples of a batch${which ? `: ${which}` : ""}.`, {
    op: "DataLoader",
    field,
    hint: "Make them equal in the dataset (pad, crop), or pass collateFn.",
  });
