// The error for bytes that are no valid file, the same for every codec: what is wrong, and at which byte.

import { InvalidArgumentError } from "../core/errors.js";

/** An InvalidArgument that says where the file `format` is damaged; `fields.offset` is the byte, `fields.format` the format. */
export function corrupt(format: string, offset: number, problem: string): InvalidArgumentError {
  return new InvalidArgumentError(`damaged file: at byte ${offset}, ${problem}.`, { op: format, format, offset });
}
