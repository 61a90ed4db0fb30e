// .npz: NumPy's archive of named arrays, a ZIP file of .npy files.

import { InvalidArgumentError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { hasNpyMagic } from "./npy-header.js";
import { type NpyOptions, readNpy, writeNpy } from "./npy.js";
import { readZip, writeZip } from "./zip.js";

/** How an .npz archive is written. */
export interface NpzWriteOptions {
  /** Deflates the members, as `np.savez_compressed`; false by default, as `np.savez`. */
  compressed?: boolean | undefined;
}

const suffix = ".npy";

/**
 * Reads all arrays of an .npz archive, by name without `.npy`.
 *
 * @returns a record without prototype, in the archive's order
 * @throws InvalidArgumentError with `fields.offset` when the archive is damaged, or an array in it (then the offset counts from
 *   the start of that member, which is named); UnimplementedError for what {@link readNpy} and ZIP reading do not support.
 */
export function readNpz(bytes: Uint8Array, options: NpyOptions = {}): Record<string, NdArray> {
  const arrays: Record<string, NdArray> = Object.create(null);
  for (const [file, content] of readZip(bytes, "npz")) {
    const name = file.endsWith(suffix) ? file.slice(0, -suffix.length) : file;
    if (!hasNpyMagic(content)) {
      throw new InvalidArgumentError(`member ${JSON.stringify(file)} is no .npy file.`, { op: "npz", member: file });
    }
    if (name in arrays) {
      throw new InvalidArgumentError(`two members are called ${JSON.stringify(name)}.`, { op: "npz", member: file });
    }
    arrays[name] = readNpy(content, options, `npz ${file}`);
  }
  return arrays;
}

/**
 * Writes arrays as an .npz archive that `np.load` opens.
 *
 * @throws UnimplementedError from 4 GiB on.
 * @example
 * await writeFile("weights.npz", writeNpz({ w, b }, { compressed: true }));
 */
export function writeNpz(arrays: Readonly<Record<string, NdArray>>, options: NpzWriteOptions = {}): Uint8Array {
  const members = new Map(Object.entries(arrays).map(([name, array]) => [name + suffix, writeNpy(array)]));
  return writeZip(members, options.compressed ?? false, "npz");
}
