// In-place changes: x.add_(y) as an out-of-place op on x's former contents, whose result becomes x's memory.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import type { Value } from "../program/value.js";
import { isCapturing } from "./bind.js";
import { storageOf } from "./eager.js";
import { formerHandle } from "./handles.js";
import { isGradEnabled } from "./tape.js";

/**
 * Replaces the contents of `x` by `f(former x)`. Views of x see the change; ops that saved x before refuse their gradient.
 *
 * @throws PreconditionNotMetError for a leaf that needs a gradient, InvalidArgumentError when the result has another shape.
 */
export function inplace<T extends Value>(x: T, op: string, f: (former: T) => Value): T {
  if (x.symbol || isCapturing()) return inplaceSymbol(x, op, f);
  if (isGradEnabled() && !x.stopGradient && !x.source) {
    throw new PreconditionNotMetError("a leaf tensor that needs a gradient cannot be changed in place.", {
      op,
      hint: "change it inside oar.noGrad(() => …), or use the out-of-place form.",
    });
  }
  const storage = storageOf(x, op);
  const former = formerHandle(x, storage);
  const restore = (): void => former.storage!.giveTo(storage);
  let result: Value;
  try {
    result = f(former);
  } catch (error) {
    restore();
    throw error;
  }
  if (result === former) {
    restore();
    return x;
  }
  if (!sameShape(result.shape, x.shape)) {
    restore();
    throw new InvalidArgumentError(
      `the result is ${formatShape(result.shape)}, which does not fit in place of ${formatShape(x.shape)}.`,
      { op },
    );
  }
  if (result.storage!.isShared) storage.copyFrom(result.storage!);
  else result.storage!.giveTo(storage);
  storage.version++;
  return adopt(x, result);
}

function inplaceSymbol<T extends Value>(x: T, op: string, f: (former: T) => Value): T {
  const result = f(x);
  if (!sameShape(result.shape, x.shape))
    throw new InvalidArgumentError(`the result is ${formatShape(result.shape)}, not ${formatShape(x.shape)}.`, { op });
  if (!x.symbol)
    throw new PreconditionNotMetError("an eager tensor cannot be changed in place inside a trace.", { op });
  x.symbol = result.symbol;
  return adopt(x, result);
}

function adopt<T extends Value>(x: T, result: Value): T {
  x.dtype = result.dtype;
  x.source = result.source;
  x.outputIndex = result.outputIndex;
  x.stopGradient = result.stopGradient;
  return x;
}
