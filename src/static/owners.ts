// Which Program a variable belongs to.

import { PreconditionNotMetError } from "../core/errors.js";
import type { VarDesc } from "../program/program.js";
import type { Tensor } from "../tensor/tensor.js";
import { defaultMainProgram } from "./mode.js";
import type { Program } from "./program.js";

/** The Program of a variable: the default main one, which is where variables are made. */
export function programOf(v: Tensor): Program {
  const desc = v.symbol as VarDesc | undefined;
  if (!desc)
    throw new PreconditionNotMetError("needs a variable of a static Program, got an eager tensor.", { op: "static" });
  return defaultMainProgram();
}
