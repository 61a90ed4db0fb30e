// Appending a choice between blocks to a Program, and its gradient: the same choice between the blocks' gradients.

import { isDifferentiable } from "../core/dtype.js";
import { BugError, UnimplementedError } from "../core/errors.js";
import { fullLike } from "../ops/creation.js";
import type { VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { currentCapture } from "../trace/bind.js";
import { BlockTrace } from "../trace/block-trace.js";
import { symbolHandle } from "../trace/handles.js";
import { isGradEnabled, recordCustom, walk } from "../trace/tape.js";
import { type Appended, appendRegion, Captures } from "./control-flow-op.js";
import { BranchRegion } from "./control-flow-run.js";
import { SubTrace } from "./control-flow-trace.js";

/** A finished branch: its block, and its results as values. */
export interface Branch {
  readonly trace: SubTrace;
  readonly results: readonly Value[];
}

/** The trace that ops go to while gradients are computed. */
export function captureInForce(): BlockTrace {
  const trace = currentCapture();
  if (trace instanceof BlockTrace) return trace;
  throw new BugError("no trace is capturing the gradient of control flow");
}

/** Whether a gradient can flow into a value. */
export const flows = (v: Value): boolean => !v.stopGradient && isDifferentiable(v.dtype);

/** A value from outside that a block's gradient flows to. */
export interface Wanted {
  readonly handle: Value;
  /** Where the block's tape ends: the value as it is now, whatever in-place changes make of the handle. */
  readonly end: Value;
}

/** Values from outside that blocks' gradients may flow to. */
export const wantedOf = (traces: readonly SubTrace[]): Wanted[] =>
  [...new Set(traces.flatMap((t) => [...t.handles.keys()]))].filter(flows).map((handle) => {
    if (!handle.source || !handle.symbol) return { handle, end: handle };
    const { source, outputIndex, stopGradient } = handle;
    return { handle, end: Object.assign(symbolHandle(handle.symbol), { source, outputIndex, stopGradient }) };
  });

/** Gradients of values at the end of a block with respect to others at its beginning or around it. */
export function walkBlock(
  trace: SubTrace,
  roots: readonly Value[],
  seeds: readonly (Value | undefined)[],
  inputs: readonly Value[],
  stops: readonly Value[] = [],
): Map<Value, Value> {
  const from = roots.flatMap((root, i) => (seeds[i] && flows(root) ? [{ root, seed: seeds[i] }] : []));
  if (from.length === 0) return new Map();
  return walk(
    from.map((f) => f.root),
    from.map((f) => f.seed),
    {
      ...{ retainGraph: true, createGraph: false, inputs, ends: true },
      stops: [...trace.made.filter((v) => v.stopGradient), ...stops],
    },
  );
}

/** Gradients of gradients do not go through control flow: says so where one would be computed. */
export function onceOnly(name: string, inputs: readonly Value[], gradients: readonly Value[]): void {
  if (!isGradEnabled()) return;
  recordCustom(
    `${name}_grad`,
    inputs,
    gradients.filter((g) => isDifferentiable(g.dtype)),
    () => {
      throw new UnimplementedError("a gradient of the gradient of control flow is not computed.", { op: name });
    },
  );
}

/**
 * Appends an operator that runs the branch selected by `selector`. All branches have as many results, of equal shapes and dtypes.
 *
 * @param select which branch a value of the selector means
 */
export function appendBranches(
  parent: BlockTrace,
  name: string,
  selector: Value,
  branches: readonly Branch[],
  select: (value: number) => number,
): Value[] {
  const appended = appendChoice(parent, name, selector, branches, select);
  const { outs } = appended;
  const wanted = wantedOf(branches.map((b) => b.trace));
  const flowing = outs.flatMap((_, i) => (branches.some((b) => flows(b.results[i]!)) ? [i] : []));
  recordCustom(
    name,
    wanted.map((w) => w.handle),
    flowing.map((i) => outs[i]!),
    (given) => {
      const seeds = new Map(flowing.map((i, at) => [i, given[at]]));
      return branchGradients(
        name,
        selector,
        branches,
        select,
        wanted.map((w) => w.end),
        seeds,
      );
    },
  );
  return outs;
}

function appendChoice(
  parent: BlockTrace,
  name: string,
  selector: Value,
  branches: readonly Branch[],
  select: (value: number) => number,
): Appended {
  const traces = branches.map((b) => b.trace);
  for (const { trace, results } of branches) trace.results.push(...results.map((r) => trace.operand(r) as VarDesc));
  const captures = new Captures(traces);
  const arms = traces.map((block) => ({ block, operands: captures.positions(block).map((i) => i + 1), kept: [] }));
  const region = new BranchRegion(
    arms,
    select,
    captures.updated.map((i) => i + 1),
  );
  const types = branches[0]!.results.map(({ shape, dtype }) => ({ shape, dtype }));
  const effects = traces.some((t) => t.hasEffects);
  const appended = appendRegion(parent, name, region, [selector], captures, types, effects);
  region.arms.forEach((arm, i) => {
    const known = new Map<VarDesc, VarDesc>();
    traces[i]!.export = (desc) => {
      let outer = known.get(desc);
      if (!outer) {
        const added = appended.addOutput(`${desc.name}.kept`, desc);
        outer = added.desc;
        known.set(desc, outer);
        arm.kept.push({ desc, at: added.at });
      }
      return outer;
    };
  });
  return appended;
}

/** Appends the gradient: in each branch those of its results, zeros for what it does not use. */
function branchGradients(
  name: string,
  selector: Value,
  branches: readonly Branch[],
  select: (value: number) => number,
  wanted: readonly Value[],
  seeds: ReadonlyMap<number, Value | undefined>,
): (Value | null)[] {
  const parent = captureInForce();
  const found = branches.map(({ trace, results }) => {
    const into = new SubTrace(parent, null);
    const roots = results.filter((_, i) => seeds.has(i));
    const given = results.flatMap((_, i) => (seeds.has(i) ? [seeds.get(i)] : []));
    return { into, gradients: into.write(() => walkBlock(trace, roots, given, wanted)) };
  });
  const reached = wanted.filter((v) => found.some((f) => f.gradients.has(v)));
  if (reached.length === 0) return wanted.map(() => null);
  const arms = found.map(({ into, gradients }): Branch => {
    const results = into.write(() => reached.map((v) => gradients.get(v) ?? fullLike(v, 0)));
    return { trace: into, results };
  });
  const { outs } = appendChoice(parent, `${name}_grad`, selector, arms, select);
  const given = [...seeds.values()].filter((g) => g !== undefined);
  onceOnly(name, [...wanted, ...given], outs);
  return wanted.map((v) => outs[reached.indexOf(v)] ?? null);
}
