// Listings for OAR_DEBUG: a Program with the nests its ops went into, and a kernel's loops.

import { formatShape } from "../core/shape.js";
import type { GraphNode, GraphOperand, GraphValue } from "../fuse/body.js";
import { type Expr, memBytes } from "../kernel/expr.js";
import { printKernel } from "../kernel/print.js";
import { expressions, type Kernel, type Stmt, scratchBytes } from "../kernel/stmt.js";
import type { Plan } from "./plan.js";

/** Ops in order: what each computes, and the nest it is part of; then what each nest reads and writes. */
export function listProgram(name: string, before: readonly GraphNode[], plan: Plan): string {
  const { nodes } = plan.graph;
  const places = placesOf(plan);
  const kept = new Map(nodes.map((n) => [n.outputs[0]!, n]));
  const lines = before.map((node) => {
    const now = kept.get(node.outputs[0]!);
    return [describe(now ?? node), now ? (places.get(now) ?? "view") : "gone"] as const;
  });
  const width = Math.min(100, Math.max(0, ...lines.map(([text]) => text.length)));
  const head = `program of ${name}: ${before.length} ops, ${nodes.length} after clean-up`;
  const body = lines.map(([text, place]) => `  ${text.padEnd(width)}  ${place}`);
  return [head, ...body, ...nestLines(plan)].join("\n");
}

/** By node: the nest it went into, or how else it runs. */
function placesOf(plan: Plan): ReadonlyMap<GraphNode, string> {
  const places = new Map<GraphNode, string>();
  let nest = 0;
  for (const step of plan.steps) {
    if (step.kind === "host") places.set(step.node, "TypeScript");
    else {
      for (const node of step.nest.nodes) places.set(node, `nest ${nest}`);
      nest++;
    }
  }
  return places;
}

function nestLines(plan: Plan): string[] {
  const nests = plan.steps.flatMap((s) => (s.kind === "nest" ? [s.nest] : []));
  const ids = (list: readonly number[]): string => list.map((id) => `v${id}`).join(" ") || "nothing";
  return nests.map(({ nest, nodes, kernels }, i) => {
    const launches = kernels.length === 1 ? "1 launch" : `${kernels.length} launches`;
    return `  nest ${i}: ${nodes.length} ops, ${launches}, reads ${ids(nest.reads)}, writes ${ids(nest.writes)}`;
  });
}

/** `v5 float32[128, 256] = matmul(v0, v1) {transposeY: true}`. */
function describe(node: GraphNode): string {
  const outputs = node.outputs.map(typed).join(", ");
  const attrs = Object.entries(node.attrs).filter(([, value]) => value !== undefined);
  const text = attrs.map(([name, value]) => `${name}: ${textOf(value)}`).join(", ");
  return `${outputs} = ${node.name}(${node.operands.map(operand).join(", ")})${text && ` {${text}}`}`;
}

const typed = (v: GraphValue): string => `v${v.id} ${v.dtype}${formatShape(v.shape)}`;

const operand = (o: GraphOperand): string => (typeof o === "object" ? `v${o.id}` : o === undefined ? "-" : String(o));

const textOf = (value: unknown): string =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? "…"
    : `${JSON.stringify(value) ?? String(value)}`;

/** A kernel's blocks, its loops from outside in with their vectors, then all of it in the kernel language. */
export function listSchedule(kernel: Kernel, threads: number): string {
  const blocks = kernel.blocks.op === "const" ? String(kernel.blocks.value) : "(by size)";
  const single = blocks === "1" || threads === 1;
  const scratch = scratchBytes(kernel, (mem) => memBytes[mem]);
  const head = [
    `${blocks} blocks, ${single ? "one thread" : `up to ${threads} threads`}`,
    ...(scratch > 0 ? [`${scratch} bytes of scratch a thread`] : []),
    `lanes ${lanesOf(kernel.body)}`,
  ];
  return [`  ${head.join(", ")}`, ...loops(kernel.body, "    "), indent(printKernel(kernel).trimEnd())].join("\n");
}

const indent = (text: string): string => text.replaceAll(/^/gm, "  ");

/** The loops of a block of statements, one a line; equal neighbours once. */
function loops(block: readonly Stmt[], space: string): string[] {
  const out: string[] = [];
  for (const stmt of block) {
    const lines = linesOf(stmt, space);
    const last = out.slice(-lines.length).join("\n");
    if (lines.length > 0 && last !== lines.join("\n")) out.push(...lines);
  }
  return out;
}

function linesOf(stmt: Stmt, space: string): string[] {
  if (stmt.s === "if") return [...loops(stmt.then, space), ...loops(stmt.else, space)];
  if (stmt.s === "while") return [`${space}while, lanes ${lanesOf(stmt.body)}`, ...loops(stmt.body, `${space}  `)];
  if (stmt.s !== "for") return [];
  return [`${space}${rounds(stmt)}, lanes ${lanesOf(stmt.body)}`, ...loops(stmt.body, `${space}  `)];
}

function rounds({ from, to, step }: Extract<Stmt, { s: "for" }>): string {
  const by = step === 1 ? "" : ` by ${step}`;
  if (from.op !== "const" || to.op !== "const") return `loop${by}`;
  return `loop of ${Math.max(0, Math.ceil((Number(to.value) - Number(from.value)) / step))}${by}`;
}

/** Lanes of the widest vector that statements, not their inner loops, compute with; 1 where all is scalar. */
function lanesOf(block: readonly Stmt[]): number {
  const seen = new Set<Expr>();
  const widest = (e: Expr): number => {
    if (seen.has(e)) return 1;
    seen.add(e);
    return Math.max(e.lanes, ...e.args.map(widest));
  };
  return Math.max(
    1,
    ...block.map((s) => {
      const inner = s.s === "if" ? Math.max(lanesOf(s.then), lanesOf(s.else)) : 1;
      return Math.max(inner, ...expressions(s).map(widest));
    }),
  );
}
