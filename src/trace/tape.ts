// The tape: records what ops did, so that gradients can be computed by walking back.

import { isDifferentiable } from "../core/dtype.js";
import type { Value } from "../program/value.js";
import { namedOperands, type Recorder } from "./bind.js";
import { isGradEnabled, setGradEnabled, withGrad } from "./grad-mode.js";
import { ghostOf } from "./handles.js";
import { type CustomBackward, type Saved, TapeNode, edgeOf, needs, save } from "./tape-node.js";
import { type Gradients, type TapeArithmetic, type WalkOptions, runHooks, setTapeArithmetic, walk } from "./walk.js";

export { isGradEnabled, runHooks, setGradEnabled, setTapeArithmetic, TapeNode, walk, withGrad };
export type { CustomBackward, Gradients, TapeArithmetic, WalkOptions };

/** The recorder that fills the tape. */
export const tape: Recorder = {
  wants(record, operands) {
    if (!isGradEnabled()) return false;
    for (let i = 0; i < operands.length; i++) if (needs(operands[i])) return record.grad !== null;
    return false;
  },
  record(record, operands, attrs, outputs) {
    const ghosts = operands.map((o) => (typeof o === "object" ? ghostOf(o) : o));
    const node = new TapeNode(record, record.name, attrs, operands.map(edgeOf), ghosts, outputs.map(ghostOf));
    if (record.saves.length > 0) {
      const named = namedOperands(record.inputs, operands);
      for (const name of record.saves) {
        const at = record.outputs.indexOf(name);
        const value = at >= 0 ? outputs[at] : named[name];
        if (Array.isArray(value)) node.saved![name] = value.map((v) => save(v as Value));
        else if (value !== undefined) node.saved![name] = save(value as Value | number);
      }
    }
    attach(node, outputs);
  },
};

/** Makes values the outputs of a node. In-place results of a leaf become results of the op. */
export function attach(node: TapeNode, outputs: readonly Value[]): void {
  outputs.forEach((v, i) => {
    if (!isDifferentiable(v.dtype)) return;
    v.source = node;
    v.outputIndex = i;
    v.stopGradient = false;
  });
}

/** What the tape saved of `result` as its op's own output becomes `by`: the memory has moved there in an in-place change. */
export function resave(result: Value, by: () => Value): void {
  const saved = (result.source as TapeNode | undefined)?.saved;
  if (!saved) return;
  for (const name of Object.keys(saved)) {
    const s = saved[name]!;
    if (!Array.isArray(s) && (s as Saved).value === result) saved[name] = save(by());
  }
}

/** Records a custom op: outputs computed by the user, gradients by `backward`. */
export function recordCustom(
  name: string,
  inputs: readonly Value[],
  outputs: readonly Value[],
  backward: CustomBackward,
): void {
  if (!isGradEnabled() || !inputs.some(needs)) return;
  const node = new TapeNode(undefined, name, {}, inputs.map(edgeOf), inputs.map(ghostOf), outputs.map(ghostOf));
  node.custom = backward;
  attach(node, outputs);
}
