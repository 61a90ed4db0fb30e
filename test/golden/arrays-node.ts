// Reads recorded .npz archives (stored, not compressed) into shapes and typed arrays.

import { fixtureBytes } from "./fixtures-node.js";

/** One recorded array. */
export interface Recorded {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | Uint16Array;
}

const kinds: Readonly<Record<string, { dtype: string; make: (b: ArrayBuffer) => Recorded["data"] }>> = {
  "<f4": { dtype: "float32", make: (b) => new Float32Array(b) },
  "<f8": { dtype: "float64", make: (b) => new Float64Array(b) },
  "<i8": { dtype: "int64", make: (b) => new BigInt64Array(b) },
  "<i4": { dtype: "int32", make: (b) => new Int32Array(b) },
  "<f2": { dtype: "float16", make: (b) => new Uint16Array(b) },
  "<c8": { dtype: "complex64", make: (b) => new Float32Array(b) },
  "|u1": { dtype: "uint8", make: (b) => new Uint8Array(b) },
  "<u2": { dtype: "uint16", make: (b) => new Uint16Array(b) },
};

function parse(bytes: Uint8Array): Recorded {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const wide = bytes[6]! > 1;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = wide ? 12 : 10;
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const kind = kinds[/'descr': '([^']+)'/.exec(header)![1]!];
  if (!kind) throw new Error(`unexpected array ${header}`);
  const shape = [.../'shape': \(([^)]*)\)/.exec(header)![1]!.matchAll(/\d+/g)].map((m) => Number(m[0]));
  return { dtype: kind.dtype, shape, data: kind.make(bytes.slice(start + length).buffer) };
}

/** One recorded .npy file. */
export const fixtureArray = (path: string): Recorded => parse(Uint8Array.from(fixtureBytes(path)));

/** The arrays of an archive by name. */
export function fixtureArrays(path: string): ReadonlyMap<string, Recorded> {
  const file = fixtureBytes(path);
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.byteLength - 22;
  while (view.getUint32(end, true) !== 0x06054b50) end--;
  const out = new Map<string, Recorded>();
  let at = view.getUint32(end + 16, true);
  for (let n = view.getUint16(end + 10, true); n > 0; n--) {
    const [nameLength, extra, comment] = [28, 30, 32].map((o) => view.getUint16(at + o, true)) as [
      number,
      number,
      number,
    ];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const local = view.getUint32(at + 42, true);
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    out.set(name.replace(/\.npy$/, ""), parse(bytes.subarray(from, from + view.getUint32(at + 20, true))));
    at += 46 + nameLength + extra + comment;
  }
  return out;
}

/** Largest excess of |actual - expected| over atol + rtol |expected|; at most 0 when all agree. */
export function excess(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  rtol: number,
  atol: number,
): number {
  let worst = -Infinity;
  if (actual.length !== expected.length) return Infinity;
  for (let i = 0; i < expected.length; i++) {
    const [x, y] = [Number(actual[i]), Number(expected[i])];
    const over = Math.abs(x - y) - (atol + rtol * Math.abs(y));
    if (over > worst || Number.isNaN(over)) worst = Number.isNaN(over) ? Infinity : over;
  }
  return worst;
}

/** One step's slice of an array recorded for every step. */
export const atStep = ({ data, shape }: Recorded, step: number): Recorded["data"] => {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return data.subarray(step * size, (step + 1) * size);
};
