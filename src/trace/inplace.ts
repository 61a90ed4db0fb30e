// In-place changes: x.add_(y) as an out-of-place op on x's former contents, whose result becomes x's memory.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind, isCapturing } from "./bind.js";
import { storageOf } from "./eager.js";
import { eagerHandle, formerHandle } from "./handles.js";
import { isGradEnabled, resave, withGrad } from "./tape.js";

/**
 * Replaces the contents of `x` by `f(former x)`. Views of x see the change; ops that saved x before refuse their gradient.
 *
 * @param reshapes the result may have another shape, which x takes (`reshape_` and its kin)
 * @throws PreconditionNotMetError for a leaf that needs a gradient, InvalidArgumentError when the result has another shape.
 */
export function inplace<T extends Value>(x: T, op: string, f: (former: T) => Value, reshapes = false): T {
  if (x.symbol || isCapturing()) return inplaceSymbol(x, op, f, reshapes);
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
  if (!reshapes && !sameShape(result.shape, x.shape)) {
    restore();
    throw new InvalidArgumentError(
      `the result is ${formatShape(result.shape)}, which does not fit in place of ${formatShape(x.shape)}.`,
      { op },
    );
  }
  const shared = result.storage!.isShared;
  if (shared) storage.copyFrom(result.storage!);
  else result.storage!.giveTo(storage);
  storage.version++;
  // An op that saved its own output finds it in x's memory from now on, and refuses it once x changes again.
  if (!shared) resave(result, () => adopt(eagerHandle(x.shape, x.dtype, storage.retain()), result));
  return adopt(x, result);
}

/** `x` takes the value of `y`, in its own memory. */
export const assignIntoOp = defineOp({
  name: "assign_out_",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => {
    if (!sameShape(x.shape, y.shape)) {
      throw new InvalidArgumentError(`the value is ${formatShape(y.shape)}, the tensor ${formatShape(x.shape)}.`, {
        op: "assign",
        x: x.shape,
        y: y.shape,
      });
    }
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  lower: (_, { y }) => ({ out: y }),
  complex: (_, { y }) => ({ out: y }),
  inplace: { out: "x" },
  ghosts: ["x"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [[2, 3], { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }],
        expect: () => ({ shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }),
      },
    ],
  },
});

/**
 * Overwrites the memory of an eager tensor (a buffer, a parameter) with a value of its shape, cast to its dtype. Inside a trace the
 * assignment becomes part of the captured step, and later reads in the trace see the new value.
 */
export function assignInto(x: Value, value: Value): void {
  withGrad(false, () => bind(assignIntoOp, [x, value]));
}

function inplaceSymbol<T extends Value>(x: T, op: string, f: (former: T) => Value, reshapes: boolean): T {
  const outlives = !x.symbol || (x.symbol as { readonly persistable?: boolean }).persistable === true;
  if (outlives && isGradEnabled() && !x.stopGradient && !x.source) {
    throw new PreconditionNotMetError("a leaf tensor that needs a gradient cannot be changed in place.", {
      op,
      hint: "change it inside oar.noGrad(() => …), or use the out-of-place form.",
    });
  }
  const result = f(x);
  if ((outlives || !reshapes) && !sameShape(result.shape, x.shape))
    throw new InvalidArgumentError(`the result is ${formatShape(result.shape)}, not ${formatShape(x.shape)}.`, { op });
  if (outlives) {
    // A parameter, a buffer, optimizer state: its memory changes when the captured step runs.
    assignInto(x, result);
    return x;
  }
  x.symbol = result.symbol;
  return adopt(x, result);
}

function adopt<T extends Value>(x: T, result: Value): T {
  x.shape = result.shape;
  x.dtype = result.dtype;
  // Outside recording only the contents change: a parameter that an optimizer moves stays a leaf that needs gradients.
  if (!isGradEnabled()) return x;
  x.source = result.source;
  x.outputIndex = result.outputIndex;
  x.stopGradient = result.stopGradient;
  return x;
}
