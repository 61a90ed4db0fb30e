// Values of a Program's persistable variables, read from and written to a scope by name.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { describe } from "../core/options.js";
import type { NdArray } from "../core/nd-array.js";
import { setTensorValue } from "../param/set-value.js";
import type { Tensor } from "../tensor/tensor.js";
import type { TensorLike } from "../tensor/to-tensor.js";
import type { Program } from "./program.js";
import { globalScope, type Scope } from "./scope.js";

/** Which variables: parameters, everything else that persists, or both. */
export type StateMode = "param" | "opt" | "all";

/** Names of persistable variables of a kind, in order of creation. */
export function persistableNames(program: Program, mode: StateMode): string[] {
  if (mode !== "param" && mode !== "opt" && mode !== "all")
    throw new InvalidArgumentError(`mode must be "param", "opt" or "all", got ${describe(mode)}.`, { op: "stateDict" });
  return [...program.persistables.keys()].filter(
    (name) => mode === "all" || program.parameters.has(name) === (mode === "param"),
  );
}

/** See `Program.stateDict`. */
export function programState(program: Program, mode: StateMode, scope = globalScope()): Record<string, Tensor> {
  return Object.fromEntries(persistableNames(program, mode).map((name) => [name, valueIn(scope, name)]));
}

/** A value of a scope. Throws PreconditionNotMet when there is none. */
export function valueIn(scope: Scope, name: string): Tensor {
  const tensor = scope.findVar(name)?.tensor;
  if (tensor) return tensor;
  throw new PreconditionNotMetError(`the scope has no value for "${name}".`, {
    op: "stateDict",
    name,
    hint: "run the startup program first: await exe.run(startup).",
  });
}

const nameTable = "StructuredToParameterName@@";

/** See `Program.setStateDict`. */
export function setProgramState(
  program: Program,
  state: Readonly<Record<string, TensorLike | NdArray>>,
  scope = globalScope(),
): { readonly missing: string[]; readonly unexpected: string[] } {
  const { [nameTable]: table, ...values } = state;
  const names = (table ?? {}) as Readonly<Record<string, string>>;
  const missing = new Set(program.persistables.keys());
  const unexpected: string[] = [];
  for (const [key, value] of Object.entries(values)) {
    const name = program.persistables.has(key) ? key : (names[key] ?? (value as { name?: string }).name ?? key);
    if (!program.persistables.has(name)) {
      unexpected.push(key);
      continue;
    }
    setTensorValue(valueIn(scope, name), value as TensorLike, `variable "${name}"`, false);
    missing.delete(name);
  }
  return { missing: [...missing], unexpected };
}
