// What pickles hold, as JavaScript values: dicts are Maps while a file is read, tuples a class of their own.

import type { NdArray } from "../core/nd-array.js";

/** A Python tuple. */
export class Tuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** Anything a pickle may hold here. Integers beyond ±2^53 are bigints, bytes are Uint8Arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Tuple
  | NdArray
  | PickleValue[]
  | Set<PickleValue>
  | Map<PickleValue, PickleValue>;
