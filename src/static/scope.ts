// Scope: where a Program's persistable variables live between runs, by name.

import { NotFoundError, PreconditionNotMetError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { runScope, type Synchronous } from "../core/scope.js";
import type { Shape } from "../core/shape.js";
import { setTensorValue } from "../param/set-value.js";
import type { Tensor } from "../tensor/tensor.js";
import { type TensorLike, toTensor } from "../tensor/to-tensor.js";
import { eagerly } from "../trace/bind.js";
import { toArray } from "../trace/eager.js";

/** A variable's memory as Paddle's LoDTensor shows it. */
export class ScopeTensor {
  constructor(
    private readonly name: string,
    private readonly tensor: Tensor,
  ) {}

  /** Extents. */
  shape(): Shape {
    return this.tensor.shape;
  }

  /** Replaces the value; a flat array of equal size keeps the shape. */
  set(value: TensorLike): void {
    const { shape, size } = this.tensor;
    const given = eagerly(() => toTensor(value));
    const flat = given.ndim === 1 && given.size === size;
    setTensorValue(this.tensor, flat ? { ...toArray(given), shape } : given, `variable "${this.name}"`, false);
  }

  /** The elements, copied. */
  numpy(): NdArray {
    return toArray(this.tensor);
  }
}

/** A named place of a scope; empty until something is put in. */
export class ScopeVariable {
  /** The value, once it has one. */
  tensor: Tensor | undefined;

  constructor(readonly name: string) {}

  /** The value. Throws PreconditionNotMet before it has one. */
  getTensor(): ScopeTensor {
    if (!this.tensor) {
      throw new PreconditionNotMetError(`"${this.name}" has no value yet.`, {
        op: "Scope",
        hint: "run the startup program first.",
      });
    }
    return new ScopeTensor(this.name, this.tensor);
  }
}

/** Variables by name. Two scopes never touch each other. */
export class Scope {
  private readonly vars = new Map<string, ScopeVariable>();

  /** The variable of a name, made when there is none. */
  var(name: string): ScopeVariable {
    let v = this.vars.get(name);
    if (!v) {
      v = new ScopeVariable(name);
      this.vars.set(name, v);
    }
    return v;
  }

  /** The variable of a name, or null. */
  findVar(name: string): ScopeVariable | null {
    return this.vars.get(name) ?? null;
  }

  /** The tensor of a name. Throws NotFound before startup. */
  require(name: string, op = "Executor.run"): Tensor {
    const tensor = this.vars.get(name)?.tensor;
    if (!tensor) {
      throw new NotFoundError(`the scope has no value for "${name}".`, {
        op,
        name,
        hint: "run the startup program first: await exe.run(startup).",
      });
    }
    return tensor;
  }

  /** Names that have a value. */
  names(): string[] {
    return [...this.vars.values()].filter((v) => v.tensor).map((v) => v.name);
  }
}

let current = new Scope();

/** The scope that executors use. */
export const globalScope = (): Scope => current;

/**
 * Uses another scope while `fn` runs.
 *
 * @throws InvalidArgumentError when `fn` returns a promise: what runs later would find the former scope. Runs take theirs as an option.
 * @example
 * ```ts
 * import { static as static_ } from "oarjs";
 * const teacher = new static_.Scope();
 * static_.scopeGuard(teacher, () => static_.globalScope() === teacher); // true
 * await new static_.Executor().run(static_.defaultStartupProgram(), { scope: teacher });
 * ```
 */
export function scopeGuard<R>(scope: Scope, fn: () => Synchronous<R>): R {
  const enter = (): (() => void) => {
    const before = current;
    current = scope;
    return () => {
      current = before;
    };
  };
  return runScope(
    "scopeGuard",
    enter,
    fn,
    "give runs their scope, exe.run(program, { scope }), or await what the guard started outside of it.",
  );
}
