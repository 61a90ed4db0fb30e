// Which Program a variable belongs to.

import { PreconditionNotMetError } from "../core/errors.js";
import type { VarDesc } from "../program/program.js";
import type { Tensor } from "../tensor/tensor.js";
import { defaultMainProgram } from "./mode.js";
import type { Program } from "./program.js";
import { ownerOf } from "./program-trace.js";

/** The Program of a variable: the default main one when it has the variable, else the one that it was made in. */
export function programOf(v: Tensor, op = "static"): Program {
  const desc = v.symbol as VarDesc | undefined;
  if (!desc) throw new PreconditionNotMetError("needs a variable of a static Program, got an eager tensor.", { op });
  const main = defaultMainProgram();
  return main.trace.owns(desc) ? main : (ownerOf(desc) ?? main);
}
