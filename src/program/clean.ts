// Passes over a fusion graph before it is fused: common subexpressions share one node, and nodes nobody needs go.

import { keyOf as attrsKey } from "../core/key.js";
import type { GraphNode, GraphOperand, GraphValue } from "../fuse/body.js";
import type { Graph } from "../fuse/fuse.js";

/** Drops nodes whose results are not needed, after merging equal ones. `effects`: nodes that stay and are never merged. */
export function cleanGraph(graph: Graph, effects: (node: GraphNode) => boolean): Graph {
  return dropDead(mergeEqual(graph, effects), effects);
}

function mergeEqual(graph: Graph, effects: (node: GraphNode) => boolean): Graph {
  const seen = new Map<string, GraphNode>();
  const same = new Map<GraphValue, GraphValue>();
  const nodes: GraphNode[] = [];
  const overwritten = overwrittenValues(graph);
  for (const node of graph.nodes) {
    const operands = node.operands.map((o): GraphOperand => (typeof o === "object" ? (same.get(o) ?? o) : o));
    const renamed = operands.every((o, i) => o === node.operands[i]) ? node : { ...node, operands };
    const pure = !effects(node) && !operands.some((o) => typeof o === "object" && overwritten.has(o));
    const key = pure ? keyOf(renamed) : undefined;
    const twin = key === undefined ? undefined : seen.get(key);
    if (twin && !node.outputs.some((v) => graph.outputs.has(v))) {
      node.outputs.forEach((v, i) => same.set(v, twin.outputs[i]!));
      continue;
    }
    if (key !== undefined) seen.set(key, renamed);
    nodes.push(renamed);
  }
  return { nodes, outputs: graph.outputs };
}

/** Values that an in-place op changes: what is read of them depends on when. */
function overwrittenValues(graph: Graph): Set<GraphValue> {
  const out = new Set<GraphValue>();
  for (const node of graph.nodes) {
    for (const at of node.inplace) {
      const old = at === undefined ? undefined : node.operands[at];
      if (typeof old === "object") out.add(old);
    }
  }
  return out;
}

function keyOf(node: GraphNode): string {
  const operands = node.operands.map((o) => (typeof o === "object" ? `v${o.id}` : String(o)));
  const outs = node.outputs.map((v) => `${v.dtype}${v.shape.join("x")}`);
  return `${node.name}(${operands.join()})${attrsKey(node.attrs)}${node.compute ?? ""}:${outs.join()}`;
}

function dropDead(graph: Graph, effects: (node: GraphNode) => boolean): Graph {
  const needed = new Set<GraphValue>(graph.outputs);
  const nodes: GraphNode[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!effects(node) && !node.outputs.some((v) => needed.has(v))) continue;
    nodes.push(node);
    node.operands.forEach((o, i) => {
      if (typeof o === "object" && !node.ghosts.has(i)) needed.add(o);
    });
  }
  return { nodes: nodes.reverse(), outputs: graph.outputs };
}
