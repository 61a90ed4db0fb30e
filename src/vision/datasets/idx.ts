// IDX files, the form of MNIST: a magic number, extents, then elements, all big-endian (yann.lecun.com/exdb/mnist).

import { gunzipSync } from "fflate";
import { InvalidArgumentError } from "../../core/errors.js";
import { type NdArray, ndArray } from "../../core/nd-array.js";

/**
 * Reads an IDX file of bytes, gzipped or not.
 *
 * @param name what errors call the file
 * @throws InvalidArgumentError when it is none, holds other elements than bytes, or its length is not what its extents say.
 */
export function readIdx(bytes: Uint8Array, name: string): NdArray<"uint8"> {
  const raw = unzipped(bytes, name);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const fail = (message: string): never => {
    throw new InvalidArgumentError(`${name} ${message}.`, { op: "readIdx", file: name });
  };
  // Two zeros, the code of the element type, the number of axes.
  if (raw.length < 4 || view.getUint16(0) !== 0) fail("is no IDX file");
  const [type, rank] = [view.getUint8(2), view.getUint8(3)];
  if (type !== 0x08) fail(`holds elements of type 0x${type.toString(16).padStart(2, "0")}, not bytes (0x08)`);
  const header = 4 + 4 * rank;
  if (raw.length < header) fail("ends within its header");
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((a, b) => a * b, 1);
  if (raw.length !== header + size)
    fail(`has ${raw.length - header} elements where its header says ${shape.join(" x ")}`);
  return ndArray("uint8", shape, raw.subarray(header));
}

function unzipped(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new InvalidArgumentError(`${name} is damaged: ${String(cause)}.`, { op: "readIdx", file: name });
  }
}
