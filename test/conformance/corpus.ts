// The recorded corpus: calls of PaddlePaddle 3.3.1 with inputs, outputs, gradients and errors, as data/README.md describes them.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { DType } from "oarjs";

/** A tensor's place in the data file. */
export interface TensorRef {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly nbytes: number;
}

/** A recorded value: a number, string, null, list, or an object with one `$` key. */
export type Recorded = number | string | boolean | null | readonly Recorded[] | { readonly [key: string]: never };

/** How something was called. */
export interface RecordedCall {
  readonly path: readonly string[];
  readonly positional: readonly Recorded[];
  readonly options: Readonly<Record<string, Recorded>>;
}

/** One recorded case. */
export interface Case {
  readonly id: string;
  readonly api: string;
  readonly area: string;
  readonly kind: "function" | "method" | "getitem" | "setitem" | "layer";
  readonly call: RecordedCall;
  readonly ctor?: RecordedCall;
  readonly state?: Readonly<Record<string, { readonly $t: TensorRef }>>;
  readonly train?: boolean;
  readonly forward?: RecordedCall;
  readonly index?: readonly Recorded[];
  readonly value?: Recorded;
  readonly outputs: readonly Recorded[];
  readonly multi?: boolean;
  readonly stateAfter?: Readonly<Record<string, { readonly $t: TensorRef }>>;
  readonly cotangents?: readonly ({ readonly $t: TensorRef } | null)[];
  readonly inputGrads?: Readonly<Record<string, { readonly $t: TensorRef } | null>>;
  readonly paramGrads?: Readonly<Record<string, { readonly $t: TensorRef } | null>>;
  readonly error?: { readonly type: string; readonly message: string; readonly at?: string };
  readonly compare?: "value" | "meta" | "abs";
  readonly rtol?: number;
  readonly atol?: number;
  readonly gradAtol?: number;
  readonly literal?: string;
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  complex64: Float32Array,
  complex128: Float64Array,
} as const;

/** The corpus of a folder: `cases.jsonl` and `data.bin`, plain or gzipped. `OAR_CONFORMANCE` names another folder. */
export class Corpus {
  readonly cases: readonly Case[];
  private readonly bytes: Uint8Array;

  constructor(folder = process.env["OAR_CONFORMANCE"] ?? fileURLToPath(new URL("./data", import.meta.url))) {
    const read = (name: string): Uint8Array =>
      existsSync(`${folder}/${name}`)
        ? readFileSync(`${folder}/${name}`)
        : gunzipSync(readFileSync(`${folder}/${name}.gz`));
    const lines = new TextDecoder().decode(read("cases.jsonl")).split("\n");
    this.cases = lines
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Case)
      .filter((c) => c.literal === undefined);
    this.bytes = read("data.bin");
  }

  /** A tensor's elements, copied. */
  array(ref: TensorRef): InstanceType<(typeof arrays)[DType]> {
    const copy = this.bytes.slice(ref.offset, ref.offset + ref.nbytes);
    return new arrays[ref.dtype](Uint8Array.from(copy).buffer) as InstanceType<(typeof arrays)[DType]>;
  }
}

/** The number a float16 bit pattern stands for. */
export function halfToNumber(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const mantissa = h & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Infinity;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The number a bfloat16 bit pattern stands for. */
export function bfloatToNumber(h: number): number {
  word.setUint32(0, h << 16);
  return word.getFloat32(0);
}
