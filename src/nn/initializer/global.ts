// setGlobalInitializer: first values for all parameters whose ParamAttr names none.

import { InvalidArgumentError } from "../../core/errors.js";
import { describe } from "../../core/options.js";
import { Initializer, replaceGlobalInitializers } from "../../param/initializer.js";

/**
 * Replaces the default initializer of every layer made from now on; an initializer in a ParamAttr still wins. It also replaces the 1
 * of normalisation layers' scales, as in Paddle. `null` cancels.
 *
 * @throws InvalidArgumentError for anything but initializers and null.
 * @example
 * ```ts
 * import { nn } from "oarjs";
 * nn.initializer.setGlobalInitializer(new nn.initializer.Constant(1), new nn.initializer.Constant(2));
 * nn.initializer.setGlobalInitializer(null);
 * ```
 */
export function setGlobalInitializer(weightInit: Initializer | null, biasInit: Initializer | null = null): void {
  for (const given of [weightInit, biasInit]) {
    if (given === null || given instanceof Initializer) continue;
    throw new InvalidArgumentError(`must be an Initializer or null, got ${describe(given)}.`, {
      op: "setGlobalInitializer",
    });
  }
  replaceGlobalInitializers(weightInit ?? undefined, biasInit ?? undefined);
}
