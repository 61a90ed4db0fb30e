// Program.summary: each parameter of a Program with every setting in force and where it came from.

import type { Optimizer } from "../optimizer/optimizer.js";
import {
  countParameters,
  formatParameters,
  parameterRow,
  type ParameterSummary,
} from "../optimizer/parameter-table.js";
import type { Parameter } from "../param/parameter.js";
import type { Program } from "./program.js";

/** See `Program.summary`. */
export function programSummary(program: Program, optimizer: Optimizer | undefined): ParameterSummary {
  const all = program.allParameters();
  const ownerOf = (p: Parameter): Optimizer | undefined =>
    optimizer ?? program.updates.find((u) => u.parameters.includes(p))?.optimizer;
  const parameters = all.map((p) => {
    const users = [...new Set(p.creators)];
    return { ...parameterRow(p, [p.name], ownerOf(p)), sharedBy: users.length > 1 ? users : [] };
  });
  const totals = countParameters(all);
  return { ...totals, parameters, toString: () => formatParameters(totals, parameters) };
}
