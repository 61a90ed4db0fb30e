// Nodes of the tape: what is kept of one op, and the edges along which gradients go from it.

import { isDifferentiable } from "../core/dtype.js";
import { PreconditionNotMetError } from "../core/errors.js";
import type { OpRecord } from "../program/op.js";
import type { GradientHook, GradientSource, Value } from "../program/value.js";
import type { Attrs } from "./bind.js";

/** Where the gradient of an operand goes. */
export interface Edge {
  readonly node: TapeNode | undefined;
  readonly index: number;
  /** The operand itself when it is a leaf. */
  readonly leaf: Value | undefined;
}

/** What a gradient rule will read. */
export interface Saved {
  /** A number where a weak scalar stood. */
  readonly value: Value | number;
  readonly version: number;
}

/** A custom reverse function in place of a record's rule (PyLayer). */
export type CustomBackward = (gradients: readonly (Value | undefined)[]) => readonly (Value | null | undefined)[];

/** What the tape keeps of one op. */
export class TapeNode implements GradientSource {
  readonly kind = "tape";
  /** Gradient hooks of each output, and outputs that keep their gradient. */
  readonly hooks: (GradientHook[] | undefined)[] = [];
  readonly retainers: (WeakRef<Value> | undefined)[] = [];
  saved: Record<string, Saved | readonly Saved[]> | undefined = {};
  custom: CustomBackward | undefined;

  constructor(
    readonly record: OpRecord | undefined,
    readonly name: string,
    readonly attrs: Attrs,
    readonly edges: readonly (Edge | undefined)[],
    readonly operandMeta: readonly (Value | number | undefined)[],
    readonly outputMeta: readonly Value[],
  ) {}
}

/** Whether a gradient of an operand is wanted. */
export const needs = (o: Value | number | undefined): o is Value =>
  typeof o === "object" && !o.stopGradient && isDifferentiable(o.dtype);

/** The edge along which a gradient goes into a value. */
export const edgeTo = (v: Value): Edge => {
  const node = v.source as TapeNode | undefined;
  return { node, index: v.outputIndex, leaf: node ? undefined : v };
};

/** The edge of an operand, if its gradient is wanted. */
export const edgeOf = (o: Value | number | undefined): Edge | undefined => (needs(o) ? edgeTo(o) : undefined);

/** A value as the tape saves it: with its version. */
export const save = (value: Value | number): Saved => ({
  value,
  version: typeof value === "number" ? 0 : (value.storage?.version ?? 0),
});

/** A saved value, if it is still what it was. Throws PreconditionNotMet when it was changed in place since. */
export function restored(node: TapeNode, name: string, saved: Saved): Value | number {
  const storage = typeof saved.value === "number" ? undefined : saved.value.storage;
  if (storage && storage.version !== saved.version) {
    throw new PreconditionNotMetError(
      `"${name}" was changed in place after this op used it (version ${saved.version}, now ${storage.version}), so its gradient cannot be computed.`,
      { op: node.name, hint: "use the out-of-place form, or change it after backward." },
    );
  }
  return saved.value;
}
