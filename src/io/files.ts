// oar.load and oar.save: NumPy's arrays and Paddle's checkpoints, from and to files.

import { files } from "#platform";
import { hasNpyMagic } from "../checkpoint/npy-header.js";
import { type NpyOptions, readNpy, writeNpy } from "../checkpoint/npy.js";
import { readNpz, writeNpz } from "../checkpoint/npz.js";
import { hasTensorMagic, readTensor, writeTensor } from "../checkpoint/lod-tensor.js";
import { fromPaddle, nameTable } from "../checkpoint/paddle-state.js";
import { hasPickleMagic, readPickle } from "../checkpoint/pickle-reader.js";
import { NamedArray, type PickleProtocol, pickleParts, writePickle } from "../checkpoint/pickle-writer.js";
import { InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { isNdArray, type NdArray } from "../core/nd-array.js";
import { checkOptions, describe, isOptions } from "../core/options.js";
import { uniqueName } from "../param/unique-name.js";
import { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { globalScope } from "../static/scope.js";
import { eagerly } from "../trace/bind.js";
import { viewArray } from "../trace/eager.js";
import { HeapFile } from "./heap-file.js";

/** What {@link load} reads: a path, a URL, a Blob (a File of an input element), or bytes. */
export type LoadSource = string | URL | Blob | ArrayBuffer | Uint8Array;

/** What {@link save} writes: as `.npy` one array, as `.npz` a record of them; as Paddle's pickle any plain data with them. */
export type Savable = NdArray | Tensor | object | string | number | boolean | null;

/** How a file is written; decided by the path's ending, else "npy" or "npz". */
export type SaveFormat = "npy" | "npz" | "pickle";

/** Options of {@link save}. */
export interface SaveOptions {
  /** Deflates the members of an `.npz`; false by default. */
  readonly compressed?: boolean | undefined;
  /** For bytes without a path, and paths of another ending. */
  readonly format?: SaveFormat | undefined;
  /** Of a pickle; 4 by default. */
  readonly protocol?: PickleProtocol | undefined;
  /** Writes a single tensor as Paddle's binary stream instead of a pickle. */
  readonly useBinaryFormat?: boolean | undefined;
}

/** Options of {@link load}. */
export interface LoadFileOptions extends NpyOptions {
  /** Of Paddle's files: arrays stay NdArrays instead of becoming Tensors. */
  readonly returnNumpy?: boolean | undefined;
  /** Of Paddle's state dicts: keep the table of parameter names as an entry. */
  readonly keepNameTable?: boolean | undefined;
}

/**
 * Reads a file: `.npy` gives an NdArray, `.npz` a record of them, Paddle's `.pdparams` and `.pdopt` a record of Tensors, its binary
 * tensors a Tensor. What a file is, its first bytes say.
 *
 * Paths and `file:` URLs are read on Node, other URLs fetched; nothing in a file is executed: a pickle that names anything but arrays
 * and plain data is refused.
 *
 * The type of what comes is known from a path's ending; elsewhere name it: `load<NdArray>(url)`.
 *
 * @param options how `uint16` elements are taken, see {@link NpyOptions}; `returnNumpy`, `keepNameTable`
 * @throws NotFoundError when there is no such file, UnavailableError when it cannot be read, InvalidArgumentError when it is damaged,
 * UnimplementedError for other formats.
 * @example
 * ```ts
 * import { load, nn, save, type Tensor } from "oarjs";
 * const net = new nn.Linear(2, 3);
 * const bytes = await save(net.stateDict(), undefined, { format: "pickle" }); // what a .pdparams file holds
 * net.setStateDict(await load<Record<string, Tensor>>(bytes));
 * ```
 */
export async function load(source: `${string}.npy`, options?: LoadFileOptions): Promise<NdArray>;
export async function load(source: `${string}.npz`, options?: LoadFileOptions): Promise<Record<string, NdArray>>;
export async function load(source: `${string}.pdparams`, options?: LoadFileOptions): Promise<Record<string, Tensor>>;
export async function load(source: `${string}.pdopt`, options?: LoadFileOptions): Promise<Record<string, unknown>>;
export async function load<T = unknown>(source: LoadSource, options?: LoadFileOptions): Promise<T>;
export async function load(source: LoadSource, options?: LoadFileOptions): Promise<unknown> {
  const o = checkOptions<LoadFileOptions>("load", options, ["uint16", "returnNumpy", "keepNameTable"]);
  const isPath = typeof source === "string" || source instanceof URL;
  const file = isPath && !o.returnNumpy ? files.open?.(source) : undefined;
  if (file) {
    const heapFile = new HeapFile(file);
    try {
      if (isPickle(heapFile.read(0, Math.min(8, file.length)), String(source))) return stateOf(heapFile, o);
    } finally {
      heapFile.close();
    }
  }
  return decode(await bytesOf(source), isPath ? String(source) : "the file", o);
}

const isPickle = (bytes: Uint8Array, name: string): boolean =>
  hasPickleMagic(bytes) || (/\.(pdparams|pdopt)$/i.test(name) && !hasNpyMagic(bytes) && !hasZipMagic(bytes));

/** "PK": a ZIP archive, with or without members. */
const hasZipMagic = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** What a pickle holds, its long arrays read where their tensors stand. */
function stateOf(file: HeapFile, { keepNameTable }: LoadFileOptions): unknown {
  const tensor = (array: NdArray, name: string | undefined) => named(file.take(array) ?? tensorOf(array), name);
  return fromPaddle(readPickle(file), { tensor, array: (array) => file.copied(array), keepNameTable });
}

function decode(bytes: Uint8Array, name: string, options: LoadFileOptions): unknown {
  if (hasNpyMagic(bytes)) return readNpy(bytes, options);
  if (hasZipMagic(bytes)) return readNpz(bytes, options);
  if (/\.npy$/i.test(name)) return readNpy(bytes, options);
  if (/\.npz$/i.test(name)) return readNpz(bytes, options);
  const tensor = options.returnNumpy
    ? (array: NdArray) => array
    : (array: NdArray, tensorName: string | undefined) => named(tensorOf(array), tensorName);
  if (isPickle(bytes, name)) return fromPaddle(readPickle(bytes), { tensor, keepNameTable: options.keepNameTable });
  if (hasTensorMagic(bytes)) return tensor(readTensor(bytes).array, undefined);
  throw new UnimplementedError(`${name} is neither .npy, .npz nor one of Paddle's checkpoints.`, {
    op: "load",
    source: name,
  });
}

const tensorOf = (array: NdArray): Tensor => eagerly(() => toTensor(array));

function named(t: Tensor, name: string | undefined): Tensor {
  t.name = name;
  return t;
}

async function bytesOf(source: LoadSource): Promise<Uint8Array> {
  if (typeof source === "string" || source instanceof URL) return files.read(source);
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  throw new InvalidArgumentError(`a path, a URL, a Blob or bytes were expected, got ${describe(source)}.`, {
    op: "load",
  });
}

/**
 * Writes a file: a path that ends in `.npy` or `.npz` gets NumPy's formats, any other Paddle's pickle, as `paddle.save` writes it. A
 * state dict keeps its parameters' names beside their keys.
 *
 * With a path the file appears whole or not at all; without one the bytes are returned (NumPy's, or what `format` says).
 *
 * @throws InvalidArgumentError when the object holds what the format cannot, or the path's ending is not the object's; NotFoundError
 * when there is no such folder, UnavailableError when the file cannot be written.
 * @example
 * ```ts
 * import { nn, save } from "oarjs";
 * const net = new nn.Linear(2, 3);
 * const bytes = await save(net.stateDict(), undefined, { format: "pickle" });
 * ```
 */
export async function save(object: Savable, path?: undefined, options?: SaveOptions): Promise<Uint8Array>;
export async function save(object: Savable, path: string | URL, options?: SaveOptions): Promise<void>;
export async function save(object: Savable, path?: string | URL, options?: SaveOptions): Promise<unknown> {
  const keys = ["compressed", "format", "protocol", "useBinaryFormat"] as const;
  const o = checkOptions<SaveOptions>("save", options, keys);
  const format = formatOf(object, path, o);
  if (path === undefined) return encode(object, format, o);
  // Tensors are written from where they are, before this returns its promise.
  const pickle = format === "pickle" && !o.useBinaryFormat;
  return files.write(path, pickle ? pickleParts(picklable(object), o.protocol) : encode(object, format, o));
}

function formatOf(object: unknown, path: string | URL | undefined, o: SaveOptions): SaveFormat {
  if (o.format !== undefined) return o.format;
  const array = isArray(object);
  if (path === undefined) return o.useBinaryFormat || o.protocol !== undefined ? "pickle" : array ? "npy" : "npz";
  const ending = /\.(npy|npz)$/i.exec(String(path))?.[1]?.toLowerCase();
  if (ending === undefined) return "pickle";
  if (ending === (array ? "npy" : "npz")) return ending;
  const what = array ? "one array" : "a record of arrays";
  throw new InvalidArgumentError(`${what} is saved as .${array ? "npy" : "npz"}, the path is "${String(path)}".`, {
    op: "save",
    path,
  });
}

function encode(object: unknown, format: SaveFormat, o: SaveOptions): Uint8Array {
  if (format === "npy") return writeNpy(arrayOf(object, "the object"));
  if (format === "npz") {
    const arrays = entriesOf(object).map(([key, x]) => [key, arrayOf(x, `"${key}"`)]);
    return writeNpz(Object.fromEntries(arrays), { compressed: o.compressed ?? false });
  }
  if (o.useBinaryFormat) return writeTensor(arrayOf(object, "the object"));
  return writePickle(picklable(object), o.protocol);
}

const picklable = (object: unknown): unknown => (isStateDict(object) ? withNames(object) : pickled(object));

/** The number of updates in an optimizer's state, which Paddle ignores. */
const stepCountKey = "StepCount@@";

/** Paddle's rule: a dict whose values are tensors, or dicts without any. */
function isStateDict(x: unknown): x is Readonly<Record<string, unknown>> {
  if (!isOptions(x)) return false;
  return Object.entries(x).every(
    ([key, v]) => v instanceof Tensor || key === stepCountKey || (isOptions(v) && !holdsTensor(v)),
  );
}

function holdsTensor(x: unknown): boolean {
  if (x instanceof Tensor) return true;
  if (isNdArray(x) || typeof x !== "object" || x === null) return false;
  const inner = Array.isArray(x) || x instanceof Set ? [...x] : x instanceof Map ? [...x.values()] : Object.values(x);
  return inner.some(holdsTensor);
}

/** The arrays, then the table of their names. */
function withNames(state: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = Object.create(null);
  const names: Record<string, string> = Object.create(null);
  for (const [key, x] of Object.entries(state)) {
    out[key] = x instanceof Tensor ? arrayOf(x, key) : x;
    if (x instanceof Tensor) names[key] = x.name ?? uniqueName.generate("generated_tensor");
  }
  out[nameTable] = names;
  return out;
}

/** Tensors as Paddle pickles them elsewhere: named arrays. */
function pickled(x: unknown): unknown {
  if (x instanceof Tensor) return new NamedArray(x.name ?? uniqueName.generate("generated_tensor"), arrayOf(x, "x"));
  if (Array.isArray(x)) return x.map(pickled);
  if (x instanceof Map) return new Map([...x].map(([key, y]) => [key, pickled(y)]));
  if (isOptions(x)) return Object.fromEntries(Object.entries(x).map(([key, y]) => [key, pickled(y)]));
  return x;
}

const isArray = (x: unknown): x is NdArray | Tensor => x instanceof Tensor || isNdArray(x);

function entriesOf(object: unknown): [string, unknown][] {
  if (typeof object === "object" && object !== null && !ArrayBuffer.isView(object) && !Array.isArray(object))
    return Object.entries(object);
  throw new InvalidArgumentError(`a tensor, an NdArray or a record of them was expected, got ${describe(object)}.`, {
    op: "save",
  });
}

/** The elements, where they are; a Program's variable is read from the scope. */
function arrayOf(x: unknown, name: string): NdArray {
  const held = x instanceof Tensor && x.symbol ? globalScope().require(x.symbol.name, "save") : x;
  if (held instanceof Tensor) return viewArray(held);
  if (isNdArray(held)) return held;
  throw new InvalidArgumentError(`${name} must be a tensor or an NdArray, got ${describe(x)}.`, { op: "save", name });
}
