// Programs as text: inputs, parameters, operators; stand-ins of unknown extents print as -1.

import { formatShape, type Shape } from "../core/shape.js";
import type { Operator, VarDesc } from "../program/program.js";
import type { RegionBlock } from "../trace/region.js";
import { blocksIn, regionOf } from "./control-flow-blocks.js";
import { publicExtent } from "../core/extents.js";
import type { Program } from "./program.js";

const typeOf = (v: { readonly dtype: string; readonly shape: Shape }): string =>
  `${v.dtype}${formatShape(Array.from(v.shape, publicExtent))}`;

/** An attribute as text. */
function formatValue(x: unknown): string {
  if (typeof x === "number") return String(publicExtent(x));
  if (Array.isArray(x)) return `[${x.map(formatValue).join(", ")}]`;
  return typeof x === "string" || typeof x === "boolean" || x === null ? JSON.stringify(x) : String(x);
}

/** An operator as one line. */
export function formatOp(op: Operator, nameOf = (v: VarDesc): string => v.name): string {
  const outs = op.outputs.map((v) => `${nameOf(v)}: ${typeOf(v)}`).join(", ");
  const operands = op.operands.map((o) => (typeof o === "object" ? nameOf(o) : o === undefined ? "none" : String(o)));
  const attrs = Object.entries(op.attrs)
    // The shapes of an operator with blocks are those of its outputs.
    .filter(([n, v]) => typeof v !== "function" && !(n === "shapes" && regionOf(op)))
    .map(([n, v]) => `${n}: ${formatValue(v)}`);
  return `${outs} = ${op.record.name}(${operands.join(", ")})${attrs.length > 0 ? ` {${attrs.join(", ")}}` : ""}`;
}

/** A block inside an operator. */
function formatBlock({ index, block, inputs, results }: RegionBlock): string {
  const lines = [
    ...inputs.map((v) => `input ${v.name}: ${typeOf(v)}`),
    ...block.ops.map((op) => formatOp(op)),
    `return ${results.map((v) => v.name).join(", ")}`,
  ];
  return [`block ${index} {`, ...lines.map((l) => `  ${l}`), "}"].join("\n");
}

/** The whole Program, and the blocks inside its operators. */
export function formatProgram(program: Program): string {
  const { block, trace, parameters } = program;
  const inputs = [...block.vars.values()].filter((v) => v.isInput);
  const lines = [
    ...inputs.map((v) => `input ${v.name}: ${typeOf(v)}`),
    ...[...program.persistables.values()].map((v) => {
      const p = parameters.get(v.name);
      const kind = p ? (p.trainable ? "parameter" : "frozen parameter") : "persistable";
      return `${kind} ${v.name}: ${typeOf(v)}`;
    }),
    ...[...program.initial].map(([name, v]) => `initial ${name} = ${v.name}: ${typeOf(v)}`),
  ];
  const ops = block.ops.map((op) => {
    const role = trace.roles.get(op) ?? "forward";
    const label = trace.labels.get(op);
    const note = [role === "forward" ? "" : role, label ?? ""].filter((s) => s !== "").join(" ");
    return `  ${formatOp(op)}${note === "" ? "" : `  // ${note}`}`;
  });
  const inner = blocksIn(block.ops).map((b) => formatBlock(b));
  return ["{", ...lines.map((l) => `  ${l}`), ...ops, "}", ...inner].join("\n");
}
