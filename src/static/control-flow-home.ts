// Which trace control flow is written into: the capture in force, or the Program that the predicate belongs to.

import { UnimplementedError } from "../core/errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { currentCapture } from "../trace/bind.js";
import { BlockTrace } from "../trace/block-trace.js";
import { defaultMainProgram } from "./mode.js";
import { programOf } from "./owners.js";

/** The trace to write into. */
export function buildingTrace(selector: Tensor, op: string): BlockTrace {
  const capture = currentCapture();
  if (capture instanceof BlockTrace) return capture;
  if (capture) throw new UnimplementedError("does not go into this kind of capture.", { op });
  return selector.symbol ? programOf(selector, op).trace : defaultMainProgram().trace;
}
