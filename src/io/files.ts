// oar.load and oar.save: arrays from and to files.

import { files } from "#platform";
import { hasNpyMagic } from "../checkpoint/npy-header.js";
import { type NpyOptions, readNpy, writeNpy } from "../checkpoint/npy.js";
import { readNpz, writeNpz } from "../checkpoint/npz.js";
import { InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { isNdArray, type NdArray } from "../core/nd-array.js";
import { checkOptions, describe } from "../core/options.js";
import { Tensor } from "../tensor/tensor.js";

/** What {@link load} reads: a path, a URL, a Blob (a File of an input element), or bytes. */
export type LoadSource = string | URL | Blob | ArrayBuffer | Uint8Array;

/** What {@link save} writes. */
export type Savable = NdArray | Tensor | Readonly<Record<string, NdArray | Tensor>>;

/** Options of {@link save}. */
export interface SaveOptions {
  /** Deflates the members of an `.npz`; false by default. */
  readonly compressed?: boolean | undefined;
}

/**
 * Reads a file: `.npy` gives an NdArray, `.npz` a record of them. What a file is, its first bytes say.
 *
 * Paths and `file:` URLs are read on Node, other URLs fetched; nothing in a file is executed.
 *
 * The type of what comes is known from a path that ends in `.npy` or `.npz`; elsewhere name it: `load<NdArray>(url)`.
 *
 * @param options how `uint16` elements are taken, see {@link NpyOptions}
 * @throws NotFoundError when there is no such file, UnavailableError when it cannot be read, InvalidArgumentError when it is damaged,
 * UnimplementedError for other formats.
 * @example
 * ```ts
 * import { load, save, toTensor } from "oarjs";
 * const bytes = await save({ x: toTensor([1, 2]) });
 * console.log(await load(bytes)); // { x: { dtype: "float32", shape: [2], data: Float32Array [1, 2] } }
 * ```
 */
export async function load(source: `${string}.npy`, options?: NpyOptions): Promise<NdArray>;
export async function load(source: `${string}.npz`, options?: NpyOptions): Promise<Record<string, NdArray>>;
export async function load<T = unknown>(source: LoadSource, options?: NpyOptions): Promise<T>;
export async function load(source: LoadSource, options?: NpyOptions): Promise<unknown> {
  const o = checkOptions<NpyOptions>("load", options, ["uint16"]);
  const name = typeof source === "string" || source instanceof URL ? String(source) : "the file";
  return decode(await bytesOf(source), name, o);
}

function decode(bytes: Uint8Array, name: string, options: NpyOptions): NdArray | Record<string, NdArray> {
  if (hasNpyMagic(bytes)) return readNpy(bytes, options);
  // "PK": a ZIP archive, with or without members.
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) return readNpz(bytes, options);
  if (/\.npy$/i.test(name)) return readNpy(bytes, options);
  if (/\.npz$/i.test(name)) return readNpz(bytes, options);
  throw new UnimplementedError(`${name} is neither .npy nor .npz.`, { op: "load", source: name });
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
 * Writes a tensor or NdArray as `.npy`, a record of them (a state dict) as `.npz`; NumPy opens both.
 *
 * With a path the file appears whole or not at all; without one the bytes are returned.
 *
 * @throws InvalidArgumentError when the object holds anything else, or the path's ending is not the object's; NotFoundError when there
 * is no such folder, UnavailableError when the file cannot be written.
 * @example
 * ```ts
 * import { nn, save } from "oarjs";
 * const net = new nn.Linear(2, 3);
 * const bytes = await save(net.stateDict(), undefined, { compressed: true });
 * ```
 */
export async function save(object: Savable, path?: undefined, options?: SaveOptions): Promise<Uint8Array>;
export async function save(object: Savable, path: string | URL, options?: SaveOptions): Promise<void>;
export async function save(object: Savable, path?: string | URL, options?: SaveOptions): Promise<unknown> {
  const { compressed = false } = checkOptions<SaveOptions>("save", options, ["compressed"]);
  const single = isArray(object);
  const ending = single ? ".npy" : ".npz";
  if (path !== undefined && !String(path).toLowerCase().endsWith(ending)) {
    const what = single ? "one array" : "a record of arrays";
    throw new InvalidArgumentError(`${what} is saved as ${ending}, the path is "${String(path)}".`, {
      op: "save",
      path,
    });
  }
  const bytes = single
    ? writeNpy(arrayOf(object, "the object"))
    : writeNpz(Object.fromEntries(entriesOf(object).map(([key, x]) => [key, arrayOf(x, `"${key}"`)])), { compressed });
  if (path === undefined) return bytes;
  return files.write(path, bytes);
}

const isArray = (x: Savable): x is NdArray | Tensor => x instanceof Tensor || isNdArray(x);

function entriesOf(object: unknown): [string, unknown][] {
  if (typeof object === "object" && object !== null && !ArrayBuffer.isView(object) && !Array.isArray(object))
    return Object.entries(object);
  throw new InvalidArgumentError(`a tensor, an NdArray or a record of them was expected, got ${describe(object)}.`, {
    op: "save",
  });
}

function arrayOf(x: unknown, name: string): NdArray {
  if (x instanceof Tensor) return { dtype: x.dtype, shape: x.shape, data: x.dataSync() } as NdArray;
  if (isNdArray(x)) return x;
  throw new InvalidArgumentError(`${name} must be a tensor or an NdArray, got ${describe(x)}.`, { op: "save", name });
}
