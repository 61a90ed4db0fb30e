// Fusion: decides which ops of a graph share a loop nest, and emits the nests in an order that respects data flow.

import { sameShape, sizeOf } from "../core/shape.js";
import type { GraphNode, GraphOperand, GraphValue, TargetFacts } from "./body.js";
import type { Nest } from "./emitter.js";
import { emitKernelNest } from "./kernel-nest.js";
import { emitRowNest } from "./map-nest.js";
import { emitReduceNest } from "./reduce-nest.js";
import { partsOf } from "./types.js";

/** A graph of bodies in execution order, with the values that must exist in memory afterwards. */
export type { TargetFacts } from "./body.js";

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly outputs: ReadonlySet<GraphValue>;
}

/** A step of the fused graph: a nest of kernels, a host function, or a view: the output is its operand's memory. */
export type Step =
  | { readonly kind: "nest"; readonly nest: Nest; readonly nodes: readonly GraphNode[] }
  | { readonly kind: "host" | "view"; readonly node: GraphNode };

/** How to fuse. */
export interface FuseOptions {
  readonly target: TargetFacts;
  /** Sizes and scalars as arguments (eager) or constants (compiled Programs). */
  readonly generic: boolean;
  /** False: one nest an op, the oracle for tests. */
  readonly fuse?: boolean;
}

/** Turns a graph into steps. */
export function fuse(graph: Graph, options: FuseOptions): Step[] {
  const groups = new Grouper(graph, options.fuse ?? true).run();
  const nodeIndex = new Map(graph.nodes.map((n, i) => [n, i]));
  const emit = { target: options.target, generic: options.generic, nodeIndex };
  return groups.map((g): Step => {
    if (g.kind === "view") return { kind: "view", node: g.root };
    const name = g.nodes
      .map((n) => n.name)
      .join("_")
      .slice(0, 60);
    if (g.kind === "host") return { kind: "host", node: g.root };
    if (g.kind === "kernel") {
      const at = g.nodes.indexOf(g.root);
      const group = {
        name,
        node: g.root,
        prologue: g.nodes.slice(0, at),
        epilogue: g.nodes.slice(at + 1),
        outputs: g.outputs,
      };
      return { kind: "nest", nest: emitKernelNest(group, emit), nodes: g.nodes };
    }
    if (g.kind === "reduce")
      return {
        kind: "nest",
        nest: emitReduceNest({ name, nodes: g.nodes, reduction: g.root }, emit),
        nodes: g.nodes,
      };
    return {
      kind: "nest",
      nodes: g.nodes,
      nest: emitRowNest({ name, nodes: g.nodes, outputs: g.outputs, domain: g.domain, rowAxes: g.rowAxes }, emit),
    };
  });
}

interface Group {
  kind: "row" | "reduce" | "kernel" | "host" | "view";
  nodes: GraphNode[];
  /** The node that made the group. */
  root: GraphNode;
  domain: GraphValue;
  /** Leading axes that are not reduced; the domain's rank when nothing is. */
  rowAxes: number;
  outputs: GraphValue[];
  /** Groups that must run before this one. */
  readonly after: Set<Group>;
}

const maxNodes = 64;

/** The operands whose data a node reads. */
const dataOperands = (node: GraphNode): GraphOperand[] => node.operands.filter((_, i) => !node.ghosts.has(i));

class Grouper {
  private readonly groups: Group[] = [];
  private readonly groupOf = new Map<number, Group>();
  private readonly producer = new Map<number, GraphNode>();
  private readonly consumers = new Map<number, GraphNode[]>();
  /** By value: those that are views of its memory. */
  private readonly views = new Map<number, GraphValue[]>();

  constructor(
    private readonly graph: Graph,
    private readonly fusing: boolean,
  ) {
    for (const node of graph.nodes) {
      for (const out of node.outputs) this.producer.set(out.id, node);
      for (const o of new Set(dataOperands(node))) {
        if (typeof o !== "object") continue;
        const list = this.consumers.get(o.id);
        if (list) list.push(node);
        else this.consumers.set(o.id, [node]);
      }
    }
  }

  run(): Group[] {
    for (const node of this.graph.nodes) this.place(node);
    for (const group of this.groups) group.outputs = this.outputsOf(group);
    return this.ordered();
  }

  private place(node: GraphNode): void {
    const joined =
      this.fusing && !this.sharesMemory(node) ? this.candidates(node).find((g) => this.join(g, node)) : undefined;
    const group = joined ?? this.open(node);
    for (const out of node.outputs) this.groupOf.set(out.id, group);
    if (group.kind === "view") this.noteView(node.outputs[0]!);
    for (const o of dataOperands(node)) {
      const g = typeof o === "object" ? this.groupOf.get(o.id) : undefined;
      if (g && g !== group) group.after.add(g);
    }
    for (const reader of this.readersOf(node)) if (reader !== group) group.after.add(reader);
    if (this.fusing) this.absorb(group, node);
  }

  /** A view of a value that has memory of its own anyway costs nothing; a view of a computed one is fused like other movement. */
  private sharesMemory(node: GraphNode): boolean {
    const x = node.operands[0];
    if (
      node.body.form !== "element" ||
      !node.body.view ||
      typeof x !== "object" ||
      partsOf(x.dtype) !== partsOf(node.outputs[0]!.dtype)
    )
      return false;
    const producer = this.producer.get(x.id);
    if (!producer || this.graph.outputs.has(x)) return true;
    const kind = this.groupOf.get(x.id)!.kind;
    return kind !== "row" || (this.consumers.get(x.id) ?? []).length > 1;
  }

  /** The value whose memory a value is, views looked through. */
  private memoryOf(v: GraphValue): GraphValue {
    const producer = this.producer.get(v.id);
    if (!producer || this.groupOf.get(v.id)?.kind !== "view") return v;
    return this.memoryOf(producer.operands[0] as GraphValue);
  }

  private noteView(view: GraphValue): void {
    const memory = this.memoryOf(view);
    const views = this.views.get(memory.id);
    if (views) views.push(view);
    else this.views.set(memory.id, [view]);
  }

  /** Groups that read what `node` overwrites: they must have run before. */
  private readersOf(node: GraphNode): Set<Group> {
    const readers = new Set<Group>();
    for (const at of node.inplace) {
      const old = at === undefined ? undefined : node.operands[at];
      if (typeof old !== "object") continue;
      const memory = this.memoryOf(old);
      for (const value of [memory, ...(this.views.get(memory.id) ?? [])]) {
        for (const reader of this.consumers.get(value.id) ?? []) {
          const group = reader === node ? undefined : this.groupOf.get(reader.outputs[0]!.id);
          if (group) readers.add(group);
        }
      }
    }
    return readers;
  }

  private open(node: GraphNode): Group {
    const { form } = node.body;
    const first = node.outputs[0]!;
    const group: Group = {
      kind: "row",
      nodes: [node],
      root: node,
      domain: first,
      rowAxes: first.shape.length,
      outputs: [],
      after: new Set(),
    };
    if (form === "kernel" || form === "host") group.kind = form;
    if (this.sharesMemory(node)) group.kind = "view";
    if (form === "reduce") {
      const input = node.operands[0] as GraphValue;
      const rows = trailingRows(node, input);
      if (rows !== undefined && this.fusing && sizeOf(input.shape.slice(0, rows)) > 1) {
        group.domain = input;
        group.rowAxes = rows;
      } else group.kind = "reduce";
    }
    this.groups.push(group);
    return group;
  }

  /** Groups that made an operand of `node`, latest first. */
  private candidates(node: GraphNode): Group[] {
    const found = new Set<Group>();
    for (const o of dataOperands(node)) {
      const g = typeof o === "object" ? this.groupOf.get(o.id) : undefined;
      if (g) found.add(g);
    }
    return [...found].sort((a, b) => this.groups.indexOf(b) - this.groups.indexOf(a));
  }

  private join(group: Group, node: GraphNode): boolean {
    if (group.nodes.length >= maxNodes || this.wouldCycle(group, node)) return false;
    // Who still reads what the node overwrites must run before the group, so must not need it.
    for (const reader of this.readersOf(node)) if (reader !== group && this.reaches(reader, group)) return false;
    if (group.kind === "kernel") return this.joinEpilogue(group, node);
    if (group.kind !== "row" || !this.overwritesSafely(group, node)) return false;
    if (node.body.form === "lower") {
      if (!node.outputs.every((v) => sameShape(v.shape, group.domain.shape) || isRowShape(v, group))) return false;
    } else if (node.body.form === "reduce") {
      const input = node.operands[0] as GraphValue;
      const rows = trailingRows(node, input);
      if (rows === undefined || !sameShape(input.shape, group.domain.shape)) return false;
      if (group.rowAxes !== group.domain.shape.length && group.rowAxes !== rows) return false;
      if (sizeOf(input.shape.slice(0, rows)) <= 1) return false;
      if (group.nodes.some((n) => n.body.form === "element")) return false;
      group.rowAxes = rows;
    } else return false;
    if (this.readsUnkept(group, node)) return false;
    group.nodes.push(node);
    return true;
  }

  /** A reduction without keepdim has another alignment: its consumers form groups of their own. */
  private readsUnkept(group: Group, node: GraphNode): boolean {
    return dataOperands(node).some((o) => {
      const p = typeof o === "object" ? this.producer.get(o.id) : undefined;
      return p !== undefined && p.body.form === "reduce" && group.nodes.includes(p) && !isKept(p);
    });
  }

  /** What `node` overwrites may be read in the same nest only at the same index. */
  private overwritesSafely(group: Group, node: GraphNode): boolean {
    return node.inplace.every((at) => {
      const old = at === undefined ? undefined : node.operands[at];
      if (typeof old !== "object") return true;
      const readers = group.nodes.filter((n) => n.operands.includes(old));
      return (
        readers.length === 0 ||
        (readers.every((n) => n.body.form === "lower") && sameShape(old.shape, group.domain.shape))
      );
    });
  }

  /**
   * An element-wise op on a kernel's only output, of its shape, that nothing else reads. Ops with several results ride along only where
   * whole rows are stored: Adam's update in the stores of a 784 x 256 gradient's tiles takes 0.29 ms, a pass of its own 0.03 ms.
   */
  private joinEpilogue(group: Group, node: GraphNode): boolean {
    const { body } = group.root;
    if (node.body.form !== "lower" || body.form !== "kernel" || !body.fuseStores || group.root.outputs.length !== 1)
      return false;
    if (this.readersOf(node).has(group)) return false;
    const last = group.nodes.at(-1)!;
    const value = last.outputs[0]!;
    const out = node.outputs[0]!;
    if (
      (node.outputs.length !== 1 && body.fuseStores !== "rows") ||
      !node.outputs.every((v) => sameShape(v.shape, value.shape)) ||
      partsOf(out.dtype) === 2 ||
      partsOf(value.dtype) === 2
    )
      return false;
    if (!node.operands.includes(value)) return false;
    const inside = new Set(group.nodes.slice(group.nodes.indexOf(group.root)).flatMap((n) => n.outputs));
    for (const o of dataOperands(node)) {
      if (typeof o !== "object") continue;
      if (!inside.has(o) && this.groupOf.get(o.id) === group) return false;
    }
    group.nodes.push(node);
    return true;
  }

  /** Whether an operand of `node` from outside `group` is computed from the group's results. */
  private wouldCycle(group: Group, node: GraphNode): boolean {
    return dataOperands(node).some((o) => {
      const g = typeof o === "object" ? this.groupOf.get(o.id) : undefined;
      return g !== undefined && g !== group && this.reaches(g, group);
    });
  }

  private reaches(from: Group, to: Group): boolean {
    const seen = new Set<Group>();
    const stack = [from];
    while (stack.length > 0) {
      const g = stack.pop()!;
      if (g === to) return true;
      if (seen.has(g)) continue;
      seen.add(g);
      stack.push(...g.after);
    }
    return false;
  }

  /** Pulls groups that only feed this one, and that can be evaluated at any index, into it. */
  private absorb(group: Group, node: GraphNode): void {
    if (group.kind === "host" || group.kind === "view") return;
    if (group.kind === "kernel" && group.root !== node) return;
    for (const o of dataOperands(node)) {
      if (typeof o !== "object") continue;
      const from = this.groupOf.get(o.id);
      if (!from || from === group || !this.absorbable(from, group, node)) continue;
      group.nodes.unshift(...from.nodes);
      for (const n of from.nodes) for (const out of n.outputs) this.groupOf.set(out.id, group);
      for (const g of from.after) group.after.add(g);
      group.after.delete(from);
      this.groups.splice(this.groups.indexOf(from), 1);
    }
  }

  private absorbable(from: Group, into: Group, node: GraphNode): boolean {
    if (from.kind !== "row" || from.nodes.length + into.nodes.length > maxNodes) return false;
    if (from.nodes.some((n) => n.body.form === "reduce")) return false;
    if (this.groups.some((g) => g !== into && g !== from && g.after.has(from))) return false;
    const inside = new Set([...from.nodes, ...into.nodes]);
    const escapes = from.nodes.some((n) =>
      n.outputs.some((v) => this.graph.outputs.has(v) || (this.consumers.get(v.id) ?? []).some((c) => !inside.has(c))),
    );
    if (escapes) return false;
    // A kernel that reads each element many times would compute the producer again each time.
    if (node.body.form === "kernel" && !node.body.fuseLoads) return false;
    const complexParts = from.nodes.some((n) => n.outputs.some((v) => partsOf(v.dtype) === 2));
    if (into.kind === "kernel" && complexParts) return false;
    const moves = from.nodes.some((n) => n.body.form === "element");
    const reducing = into.nodes.some((n) => n.body.form === "reduce");
    if (into.kind === "row" && reducing && moves) return false;
    return !(into.kind === "row" && !sameShape(from.domain.shape, into.domain.shape) && expensive(from));
  }

  private outputsOf(group: Group): GraphValue[] {
    const inside = new Set(group.nodes);
    return group.nodes.flatMap((n) =>
      n.outputs.filter(
        (v) => this.graph.outputs.has(v) || (this.consumers.get(v.id) ?? []).some((c) => !inside.has(c)),
      ),
    );
  }

  /** Topological order, keeping the order of creation where it is free. */
  private ordered(): Group[] {
    const done = new Set<Group>();
    const out: Group[] = [];
    const visit = (g: Group): void => {
      if (done.has(g)) return;
      done.add(g);
      for (const before of g.after) if (this.groups.includes(before)) visit(before);
      out.push(g);
    };
    for (const g of this.groups) visit(g);
    return out.filter((g) => g.kind === "host" || g.kind === "view" || g.kind === "reduce" || g.outputs.length > 0);
  }
}

/** Whether evaluating a group again for each reader of a broadcast would cost much: it computes, not only moves. */
const expensive = (group: Group): boolean => group.nodes.some((n) => n.body.form === "lower");

const isKept = (node: GraphNode): boolean => node.attrs["keepdim"] === true;

function isRowShape(v: GraphValue, group: Group): boolean {
  const { shape } = group.domain;
  if (group.rowAxes === shape.length || v.shape.length !== shape.length) return false;
  return v.shape.every((n, i) => n === (i < group.rowAxes ? shape[i] : 1));
}

/** How many leading axes a reduction over exactly the trailing axes keeps; undefined for other reductions. */
function trailingRows(node: GraphNode, input: GraphValue): number | undefined {
  const axes = node.attrs["axes"] as readonly number[];
  const rank = input.shape.length;
  const first = rank - axes.length;
  return axes.every((a, i) => a === first + i) && axes.length > 0 ? first : undefined;
}
