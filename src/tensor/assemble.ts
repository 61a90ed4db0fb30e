// Where the package is put together: the platform's engine, the interpreters of bind, and the arithmetic of the tape.

import { platform } from "#platform";
import { setDebugFrom } from "../core/flags.js";
import { Engine, setDefaultEngine } from "../device/engine.js";
import { add } from "../ops/arithmetic.js";
import { sumTo } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import { fullLike } from "../ops/creation.js";
import { denseRows } from "../ops/embedding.js";
import { chainRows } from "../ops/rows.js";
import { setSourceWriter } from "../program/report.js";
import { setInterpreters } from "../trace/bind.js";
import { eagerInterpreter } from "../trace/eager.js";
import { setTapeArithmetic, tape } from "../trace/tape.js";
import { programInterpreter } from "../trace/program-trace.js";
import { setRowsArithmetic } from "../trace/rows.js";

let done = false;

/** Connects the rooms; called by the module that defines Tensor, once. */
export function assemble(): void {
  if (done) return;
  done = true;
  setDebugFrom(platform.environment?.("OAR_DEBUG"));
  const folder = platform.environment?.("OAR_DEBUG_DIR");
  if (folder) setSourceWriter((name, text) => platform.writeText!(folder, name, text));
  setDefaultEngine(() => new Engine(platform));
  setInterpreters(eagerInterpreter, programInterpreter, tape);
  setTapeArithmetic({ add, sumTo, cast, full: fullLike });
  setRowsArithmetic({ dense: denseRows, chain: chainRows });
}
