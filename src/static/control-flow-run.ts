// Running the blocks of control flow on the heap: one compiled block, and a choice between several.

import { dtypes } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import type { Engine } from "../device/engine.js";
import type { GraphNode, GraphValue, TensorType } from "../fuse/body.js";
import type { VarDesc } from "../program/program.js";
import type { Resize } from "../trace/lower.js";
import { inferBlock, Region, type RegionBlock, type RegionRun, type RegionSite, resized } from "../trace/region.js";
import { Runnable } from "../trace/runnable.js";

/** Bytes of a value. */
export const bytesOf = (v: Pick<GraphValue, "shape" | "dtype">): number => sizeOf(v.shape) * dtypes[v.dtype].bytes;

/** Copies bytes on the heap. */
export function copyBytes(on: Engine, from: number, to: number, bytes: number): void {
  if (from !== to) on.heap.views.u8.copyWithin(to, from, from + bytes);
}

/** The one element of a bool or an integer on the heap. */
export function readScalar(on: Engine, type: Pick<GraphValue, "dtype">, address: number): number {
  const { u8, i32, i64 } = on.heap.views;
  if (type.dtype === "int64") return Number(i64[address / 8]);
  return type.dtype === "int32" ? i32[address / 4]! : u8[address]!;
}

/** A block compiled for the shapes of one signature. */
export class CompiledBlock {
  readonly runnable: Runnable;
  private readonly bytes: readonly number[];

  constructor(
    private readonly site: RegionSite,
    block: RegionBlock,
    outputs: readonly VarDesc[],
    /** Operands of the operator that its inputs are, where they are any. */
    operands: ReadonlyMap<VarDesc, number>,
  ) {
    const { on, node, resize, context } = site;
    this.runnable = new Runnable(on, {
      ops: [...block.block.ops],
      inputs: block.inputs,
      captures: [],
      outputs,
      shapeOf: (desc) => {
        const at = operands.get(desc);
        return at === undefined ? resized(desc.shape, resize) : (node.operands[at] as GraphValue).shape;
      },
      ...(resize ? { resize } : {}),
      api: node.name,
      context,
    });
    this.bytes = this.runnable.outputTypes.map(bytesOf);
  }

  /** Runs it on inputs at addresses, and leaves each output at its address. */
  run(inputs: readonly number[], outputs: readonly number[]): void {
    const { runnable, bytes } = this;
    runnable.runInto(inputs, outputs);
    for (let i = 0; i < outputs.length; i++) copyBytes(this.site.on, runnable.outputAddress(i), outputs[i]!, bytes[i]!);
  }
}

/** Address of an operand, by the graph's value ids. */
export const operandAt = (node: GraphNode, i: number, addresses: readonly number[]): number =>
  addresses[(node.operands[i] as GraphValue).id]!;

/** Throws InvalidArgument when extents that are the same in the Program were fed in sizes that are not. */
export function requireShape(node: GraphNode, made: TensorType, wanted: TensorType): void {
  if (sameShape(made.shape, wanted.shape)) return;
  throw new InvalidArgumentError(
    `with the sizes that were fed, one block of ${node.name} gives ${formatShape(made.shape)} where ${formatShape(wanted.shape)} is needed.`,
    { op: node.name, made: made.shape, wanted: wanted.shape },
  );
}

/** A block among which an operator chooses. */
export interface Arm {
  readonly block: RegionBlock;
  /** Operands of the operator that the block's inputs are. */
  readonly operands: readonly number[];
  /** Variables of the block that gradients read, and which outputs of the operator they are. */
  readonly kept: { readonly desc: VarDesc; readonly at: number }[];
}

/** Runs the block that operand 0 selects; results of all blocks are the operator's first outputs. */
export class BranchRegion extends Region {
  constructor(
    readonly arms: readonly Arm[],
    /** Which block a value of operand 0 selects. */
    readonly select: (value: number) => number,
    /** Operands that outputs after the results are: what blocks change in place. */
    readonly states: readonly number[],
  ) {
    super();
  }

  get blocks(): readonly RegionBlock[] {
    return this.arms.map((a) => a.block);
  }

  withBlocks(change: (block: RegionBlock) => RegionBlock): BranchRegion {
    const arms = this.arms.map(({ block, operands }) => ({ block: change(block), operands, kept: [] }));
    return new BranchRegion(arms, this.select, this.states);
  }

  outputShapes(operands: readonly TensorType[], resize: Resize): readonly Shape[] {
    const types = this.arms.map((arm) =>
      inferBlock(
        arm.block,
        arm.operands.map((i) => operands[i]!),
        resize,
      ),
    );
    const shapes = this.arms[0]!.block.results.map((desc) => types[0]!.get(desc)!.shape);
    shapes.push(...this.states.map((i) => operands[i]!.shape));
    this.arms.forEach((arm, i) => {
      for (const { desc, at } of arm.kept) shapes[at] = types[i]!.get(desc)!.shape;
    });
    return shapes;
  }

  compile(site: RegionSite): RegionRun {
    const { on, node } = site;
    const arms = this.arms.map((arm) => {
      const { block, operands, kept } = arm;
      const results = block.results.map((desc, at) => ({ desc, at }));
      const wanted = [...results, ...kept].filter(({ at }) => site.used(at));
      const descs = wanted.map((w) => w.desc);
      const compiled = new CompiledBlock(site, block, descs, new Map(block.inputs.map((d, i) => [d, operands[i]!])));
      wanted.forEach((w, i) => requireShape(node, compiled.runnable.outputTypes[i]!, node.outputs[w.at]!));
      return { compiled, operands, outputs: wanted.map((w) => node.outputs[w.at]!.id) };
    });
    const reads = new Set([0]);
    for (const { compiled, operands } of arms)
      operands.forEach((at, i) => {
        if (compiled.runnable.isRead(i)) reads.add(at);
      });
    const selector = node.operands[0] as GraphValue;
    return {
      reads,
      run: (addresses) => {
        const arm = arms[this.select(readScalar(on, selector, addresses[selector.id]!))]!;
        arm.compiled.run(
          arm.operands.map((i) => operandAt(node, i, addresses)),
          arm.outputs.map((id) => addresses[id]!),
        );
      },
      requestNative: () => {
        for (const arm of arms) arm.compiled.runnable.requestNative();
      },
      settled: () => Promise.all(arms.map((a) => a.compiled.runnable.settled())),
      dispose: () => {
        for (const arm of arms) arm.compiled.runnable.dispose();
      },
    };
  }
}
