// createGlobalVar, createParameter, nameScope: variables and labels of static Programs that belong to no helper.

import type { DType } from "../core/dtype.js";
import { checkOptions } from "../core/options.js";
import type { Shape } from "../core/shape.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";
import { defaultMainProgram, makePersistable } from "./mode.js";

/** Options of {@link createGlobalVar}. */
export interface GlobalVarOptions {
  /** Accepted for Paddle's sake: the variable lives in the Scope either way. */
  readonly persistable?: boolean | undefined;
  /** Accepted for Paddle's sake. */
  readonly forceCpu?: boolean | undefined;
  /** Default `_generated_var_N`. */
  readonly name?: string | null | undefined;
}

/**
 * A variable that lives in the Scope, starts as `value` when the startup Program runs, and is no parameter.
 *
 * @example
 * ```ts
 * import { disableStatic, enableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const counter = static_.createGlobalVar([1], 0, "float32", { name: "counter" });
 * disableStatic();
 * ```
 */
export function createGlobalVar(shape: Shape, value: number, dtype: DType, options?: GlobalVarOptions): Tensor {
  const o = checkOptions<GlobalVarOptions>("createGlobalVar", options, ["persistable", "forceCpu", "name"]);
  return makePersistable(o.name ?? uniqueName.generate("_generated_var"), shape, dtype, value);
}

/** Labels the ops that `fn` appends, for the Program's text. */
export const nameScope = <R>(prefix: string, fn: () => R): R => defaultMainProgram().trace.within(prefix, fn);
