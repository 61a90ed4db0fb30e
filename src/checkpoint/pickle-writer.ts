// Writes Python pickles, protocols 2 to 4, of plain data and NumPy arrays; every version of NumPy and Paddle reads them.

import { InvalidArgumentError } from "../core/errors.js";
import { isNdArray, type NdArray } from "../core/nd-array.js";
import { describe } from "../core/options.js";
import { codeOfDType } from "./npy.js";
import { Tuple } from "./pickle-values.js";

/** Protocols that Paddle writes. */
export type PickleProtocol = 2 | 3 | 4;

/** An array to be pickled as Paddle pickles a tensor: a tuple of its name and its elements. */
export class NamedArray {
  constructor(
    readonly name: string,
    readonly array: NdArray,
  ) {}
}

/**
 * Pickles a value: null, booleans, numbers, bigints, strings, bytes, arrays, tuples, sets, records and Maps, NdArrays.
 *
 * @throws InvalidArgumentError for a protocol that is not 2, 3 or 4, and for any other value, with its path.
 * @example
 * const bytes = writePickle({ weight: array, steps: 3 });
 */
export function writePickle(value: unknown, protocol: PickleProtocol = 4): Uint8Array {
  const parts = pickleParts(value, protocol);
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * As {@link writePickle}, in parts that stand one after another in the file: large arrays as they are, not copied, to be written at once.
 *
 * @example
 * for (const part of pickleParts({ weight: array })) writeSync(file, part);
 */
export function pickleParts(value: unknown, protocol: PickleProtocol = 4): Uint8Array[] {
  if (protocol !== 2 && protocol !== 3 && protocol !== 4)
    throw new InvalidArgumentError(`protocol must be 2, 3 or 4, got ${describe(protocol)}.`, { op: "save" });
  const writer = new Writer(protocol);
  writer.bytes(0x80, protocol);
  writer.value(value, "the object", 0);
  writer.bytes(0x2e);
  return writer.finish();
}

const utf8 = new TextEncoder();

class Writer {
  private readonly chunks: Uint8Array[] = [];
  private pending: number[] = [];

  constructor(private readonly protocol: PickleProtocol) {}

  bytes(...values: readonly number[]): void {
    this.pending.push(...values);
  }

  private raw(data: Uint8Array): void {
    if (data.length < 256) {
      this.pending.push(...data);
      return;
    }
    this.flush();
    this.chunks.push(data);
  }

  private flush(): void {
    if (this.pending.length > 0) this.chunks.push(Uint8Array.from(this.pending));
    this.pending = [];
  }

  finish(): Uint8Array[] {
    this.flush();
    return this.chunks;
  }

  private u32(n: number): void {
    this.bytes(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, (n >>> 24) & 255);
  }

  value(x: unknown, path: string, depth: number): void {
    if (depth > 200) throw new InvalidArgumentError(`${path} is nested too deep, or contains itself.`, { op: "save" });
    if (x === null || x === undefined) this.bytes(0x4e);
    else if (typeof x === "boolean") this.bytes(x ? 0x88 : 0x89);
    else if (typeof x === "number") this.number(x);
    else if (typeof x === "bigint") this.long(x);
    else if (typeof x === "string") this.text(x);
    else if (isNdArray(x)) this.array(x);
    else this.collection(x as object, path, depth);
  }

  private collection(x: object, path: string, depth: number): void {
    const each = (items: Iterable<unknown>): void => {
      let i = 0;
      for (const y of items) this.value(y, `${path}[${i++}]`, depth + 1);
    };
    if (x instanceof NamedArray) this.tuple([x.name, x.array], path, depth);
    else if (x instanceof Uint8Array) this.data(x);
    else if (x instanceof Tuple) this.tuple(x.items, path, depth);
    else if (Array.isArray(x)) {
      this.bytes(0x5d, 0x28);
      each(x);
      this.bytes(0x65);
    } else if (x instanceof Set) {
      this.global("builtins", "set");
      this.bytes(0x5d, 0x28);
      each(x);
      this.bytes(0x65, 0x85, 0x52);
    } else if (x instanceof Map) this.dict(x, path, depth);
    else if (isRecord(x)) this.dict(Object.entries(x), path, depth);
    else throw new InvalidArgumentError(`${path} is ${describe(x)}, which is not saved.`, { op: "save", path });
  }

  private dict(entries: Iterable<readonly [unknown, unknown]>, path: string, depth: number): void {
    this.bytes(0x7d, 0x28);
    for (const [key, y] of entries) {
      this.value(key, `a key of ${path}`, depth + 1);
      this.value(y, typeof key === "string" ? JSON.stringify(key) : path, depth + 1);
    }
    this.bytes(0x75);
  }

  private tuple(items: readonly unknown[], path: string, depth: number): void {
    this.bytes(0x28);
    for (const y of items) this.value(y, path, depth + 1);
    this.bytes(0x74);
  }

  private number(x: number): void {
    if (Number.isInteger(x) && Math.abs(x) < 2 ** 31 && !Object.is(x, -0)) {
      this.bytes(0x4a);
      this.u32(x >>> 0);
    } else if (Number.isSafeInteger(x) && !Object.is(x, -0)) this.long(BigInt(x));
    else {
      const data = new Uint8Array(8);
      new DataView(data.buffer).setFloat64(0, x, false);
      this.bytes(0x47);
      this.raw(data);
    }
  }

  /** Two's complement, little-endian, one byte of length. */
  private long(x: bigint): void {
    let n = 1;
    while (BigInt.asIntN(8 * n, x) !== x) n++;
    if (n > 255) throw new InvalidArgumentError("an integer of more than 2040 bits is not saved.", { op: "save" });
    this.bytes(0x8a, n);
    for (let i = 0; i < n; i++) this.bytes(Number((x >> BigInt(8 * i)) & 255n));
  }

  private text(x: string): void {
    const data = utf8.encode(x);
    if (this.protocol >= 4 && data.length < 256) this.bytes(0x8c, data.length);
    else {
      this.bytes(0x58);
      this.u32(data.length);
    }
    this.raw(data);
  }

  /** Protocol 2 has no bytes: they are text that is encoded when read. */
  private data(x: Uint8Array): void {
    if (this.protocol === 2 && x.length === 0) {
      this.global("__builtin__", "bytes");
      this.bytes(0x29, 0x52);
    } else if (this.protocol === 2) {
      this.global("_codecs", "encode");
      this.text(Array.from(x, (b) => String.fromCharCode(b)).join(""));
      this.text("latin1");
      this.bytes(0x86, 0x52);
    } else if (this.protocol >= 4 && x.length >= 2 ** 32) {
      const size = new Uint8Array(8);
      new DataView(size.buffer).setBigUint64(0, BigInt(x.length), true);
      this.bytes(0x8e);
      this.raw(size);
      this.raw(x);
    } else {
      if (x.length >= 2 ** 32)
        throw new InvalidArgumentError("an array of 4 GiB or more needs protocol 4.", { op: "save" });
      this.bytes(0x42);
      this.u32(x.length);
      this.raw(x);
    }
  }

  private global(module: string, name: string): void {
    const spelled = module === "builtins" && this.protocol < 3 ? "__builtin__" : module;
    this.bytes(0x63);
    this.raw(utf8.encode(`${spelled}\n${name}\n`));
  }

  /** `_reconstruct(ndarray, (0,), b"b")` with the state `(1, shape, dtype, False, bytes)`. */
  private array({ dtype, shape, data }: NdArray): void {
    const code = codeOfDType[dtype];
    this.global("numpy.core.multiarray", "_reconstruct");
    this.global("numpy", "ndarray");
    this.bytes(0x4b, 0, 0x85);
    this.data(Uint8Array.of(0x62));
    this.bytes(0x87, 0x52);
    this.bytes(0x28, 0x4b, 1);
    this.tuple(shape, "shape", 0);
    this.global("numpy", "dtype");
    this.text(code.slice(1));
    this.bytes(0x89, 0x88, 0x87, 0x52);
    this.bytes(0x28, 0x4b, 3);
    this.text(code[0]!);
    this.bytes(0x4e, 0x4e, 0x4e);
    this.number(-1);
    this.number(-1);
    this.bytes(0x4b, 0, 0x74, 0x62, 0x89);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.data(bytes);
    this.bytes(0x74, 0x62);
  }
}

function isRecord(x: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}
