// Type promotion between tensors and with numbers, as PaddlePaddle 3.3.1 does it (recorded table in test/).

import { type DType, dtypes, isComplex, isFloat, realOf } from "./dtype.js";
import { InvalidArgumentError } from "./errors.js";

let defaultFloat: DType = "float32";

/** The dtype of floating-point tensors made without one: float32 unless {@link setDefaultDtype} changed it. */
export const getDefaultDtype = (): DType => defaultFloat;

/** Sets the default floating-point dtype. Throws InvalidArgument for other kinds. */
export function setDefaultDtype(dtype: DType): void {
  if (!isFloat(dtype)) {
    throw new InvalidArgumentError(`the default dtype must be a floating-point type, got ${dtype}.`, {
      op: "setDefaultDtype",
      dtype,
    });
  }
  defaultFloat = dtype;
}

/**
 * The dtype two tensors meet in: equal types stay, floats take the wider (float16 with bfloat16: float32), anything with a
 * complex type becomes complex. Other mixtures are refused, as Paddle refuses them. Throws InvalidArgument.
 */
export function promoteTypes(a: DType, b: DType, op: string): DType {
  if (a === b) return a;
  if (isComplex(a) || isComplex(b)) return wideParts(a) || wideParts(b) ? "complex128" : "complex64";
  if (isFloat(a) && isFloat(b))
    return dtypes[a].bytes === dtypes[b].bytes ? "float32" : dtypes[a].bytes > dtypes[b].bytes ? a : b;
  throw new InvalidArgumentError(`operands have dtypes ${a} and ${b}, which do not mix.`, {
    op,
    hint: `cast one: x.astype("${isFloat(a) ? a : b}").`,
    x: a,
    y: b,
  });
}

const wideParts = (d: DType): boolean => realOf(d) === "float64";

/**
 * The dtype a tensor meets a number in: the tensor's, except that a non-integer makes an integer or bool tensor default float, and an
 * integer makes a bool tensor int64.
 */
export function promoteWithNumber(a: DType, x: number): DType {
  const { kind } = dtypes[a];
  if (kind === "float" || kind === "complex") return a;
  if (!Number.isInteger(x)) return defaultFloat;
  return kind === "bool" ? "int64" : a;
}
