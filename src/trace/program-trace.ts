// The symbolic interpreter: an op on a Program's variable is appended to the Program that variable belongs to.

import { BugError, PreconditionNotMetError } from "../core/errors.js";
import type { Interpreter } from "./bind.js";

let current: Interpreter | undefined;

/** Says where ops on variables go: the default main Program's trace. */
export function setProgramTrace(trace: Interpreter | undefined): Interpreter | undefined {
  const before = current;
  current = trace;
  return before;
}

/** Forwards to the Program being built. */
export const programInterpreter: Interpreter = {
  process(record, operands, attrs) {
    if (record.outputs.length === 0) throw new BugError(`op ${record.name} has no outputs`);
    if (!current) throw new PreconditionNotMetError("no Program is being built here.", { op: record.name });
    return current.process(record, operands, attrs);
  },
};
