// Running loops on the heap: the body again and again between two sets of buffers, and backwards over what each iteration recorded.

import type { Engine } from "../device/engine.js";
import type { Shape } from "../core/shape.js";
import type { GraphValue, TensorType } from "../fuse/body.js";
import type { VarDesc } from "../program/program.js";
import type { Resize } from "../trace/lower.js";
import { Region, type RegionBlock, type RegionRun, type RegionSite, resized } from "../trace/region.js";
import { bytesOf, CompiledBlock, copyBytes, operandAt, readScalar, requireShape } from "./control-flow-run.js";

/** Rooms up to this size are made at one address each. */
const atLeast = 64;

/** Two sets of buffers for what one iteration gives to the next. */
class Carried {
  private readonly sets: readonly [number[], number[]];
  private turn = 0;

  constructor(
    private readonly on: Engine,
    readonly bytes: readonly number[],
  ) {
    const make = (): number[] => bytes.map((n) => on.heap.alloc(Math.max(atLeast, n)));
    this.sets = [make(), make()];
  }

  /** The set that was not given out last. */
  next(): readonly number[] {
    this.turn = 1 - this.turn;
    return this.sets[this.turn]!;
  }

  dispose(): void {
    for (const address of this.sets.flat()) this.on.heap.free(address);
  }
}

/** Where the body's inputs come from. */
export interface LoopInputs {
  /** By input of the block: the number of the argument it is, or -1. */
  readonly arguments: readonly number[];
  /** By input of the block: the operand of the operator it is, or -1. */
  readonly operands: readonly number[];
}

/**
 * `while (operand 0) arguments = body(arguments)`: operands 1 to `count` are the first arguments; the body's results are whether to go on
 * and the next arguments.
 */
export class LoopRegion extends Region {
  /** Output that names the records of a run, once a gradient needs them. */
  token: number | undefined;

  constructor(
    readonly body: RegionBlock,
    readonly inputs: LoopInputs,
    /** Loop variables. */
    readonly count: number,
    /** Operands that outputs after the loop variables are: what the body changes in place. */
    readonly states: readonly number[],
  ) {
    super();
  }

  get blocks(): readonly RegionBlock[] {
    return [this.body];
  }

  withBlocks(change: (block: RegionBlock) => RegionBlock): LoopRegion {
    return new LoopRegion(change(this.body), this.inputs, this.count, this.states);
  }

  outputShapes(operands: readonly TensorType[]): readonly Shape[] {
    const shapes = [...operands.slice(1, this.count + 1), ...this.states.map((i) => operands[i]!)].map((t) => t.shape);
    if (this.token !== undefined) shapes[this.token] = [1];
    return shapes;
  }

  compile(site: RegionSite): RegionRun {
    const { on, node, context } = site;
    const { body, inputs, count, token } = this;
    const recording = token !== undefined && site.used(token);
    const layout = context.layoutOf(body);
    const kept = recording ? layout.descs : [];
    // Arguments have the shapes of the operands that they start as.
    const operands = inputs.operands.map((at, i) => (inputs.arguments[i]! >= 0 ? inputs.arguments[i]! + 1 : at));
    const shapes = new Map(body.inputs.map((d, i) => [d, operands[i]!]));
    const block = new CompiledBlock(site, body, [...body.results, ...kept], shapes);
    for (let i = 0; i < count; i++) requireShape(node, block.runnable.outputTypes[i + 1]!, node.outputs[i]!);
    if (recording) placeRecords(layout, block.runnable.outputTypes.slice(count + 1));
    const carried = new Carried(on, block.runnable.outputTypes.slice(1, count + 1).map(bytesOf));
    const flag = on.heap.alloc(atLeast);
    const reads = new Set([0, ...Array.from({ length: count }, (_, i) => i + 1)]);
    operands.forEach((at, i) => {
      if (block.runnable.isRead(i)) reads.add(at);
    });
    const condition = node.operands[0] as GraphValue;
    const run = (addresses: readonly number[]): void => {
      const records = recording ? context.open(on, layout.bytes) : undefined;
      if (records) on.heap.views.i64[addresses[node.outputs[token!]!.id]! / 8] = BigInt(records.id);
      const fixed = inputs.operands.map((at) => (at < 0 ? 0 : operandAt(node, at, addresses)));
      let now: readonly number[] = Array.from({ length: count }, (_, i) => operandAt(node, i + 1, addresses));
      let going = readScalar(on, condition, addresses[condition.id]!) !== 0;
      while (going) {
        const next = carried.next();
        const record = records ? records.stack.push() : 0;
        block.run(
          inputs.arguments.map((arg, i) => (arg < 0 ? fixed[i]! : now[arg]!)),
          [flag, ...next, ...kept.map((_, i) => record + layout.offsets[i]!)],
        );
        now = next;
        going = readScalar(on, condition, flag) !== 0;
      }
      carried.bytes.forEach((n, i) => copyBytes(on, now[i]!, addresses[node.outputs[i]!.id]!, n));
    };
    return {
      reads,
      run,
      requestNative: () => block.runnable.requestNative(),
      settled: () => block.runnable.settled(),
      dispose: () => {
        block.runnable.dispose();
        carried.dispose();
        on.heap.free(flag);
      },
    };
  }
}

function placeRecords(layout: { offsets: readonly number[]; bytes: number }, types: readonly GraphValue[]): void {
  let at = 0;
  layout.offsets = types.map((t) => {
    const here = at;
    at += Math.ceil(bytesOf(t) / atLeast) * atLeast;
    return here;
  });
  layout.bytes = at;
}

/** Where the inputs of a gradient's block come from. */
export interface GradientInputs extends LoopInputs {
  /** By input of the block: the variable of the loop's body that was recorded, or undefined. */
  readonly recorded: readonly (VarDesc | undefined)[];
}

/**
 * The gradient of a loop. Operand 0 names the records; operands 1 to `carried` are the gradients of the loop's results. The block's
 * arguments are the gradients that flow in and the sums so far; its results what flows out and the new sums, which are the outputs.
 */
export class LoopGradientRegion extends Region {
  constructor(
    readonly block: RegionBlock,
    /** The body of the loop. */
    readonly body: RegionBlock,
    readonly inputs: GradientInputs,
    readonly carried: number,
  ) {
    super();
  }

  get blocks(): readonly RegionBlock[] {
    return [this.block];
  }

  withBlocks(change: (block: RegionBlock) => RegionBlock): LoopGradientRegion {
    return new LoopGradientRegion(change(this.block), this.body, this.inputs, this.carried);
  }

  outputShapes(operands: readonly TensorType[], resize: Resize): readonly Shape[] {
    return this.block.results.map((desc, i) =>
      i < this.carried ? operands[i + 1]!.shape : resized(desc.shape, resize),
    );
  }

  compile(site: RegionSite): RegionRun {
    const { on, node, context } = site;
    const { block, inputs, carried } = this;
    // Sums that nobody reads are not made; what flows from one iteration to the next always is.
    const kept = block.results.map((_, i) => i).filter((i) => i < carried || site.used(i));
    const layout = context.layoutOf(this.body);
    const shapes = new Map(
      block.inputs.flatMap((d, i): [VarDesc, number][] => (inputs.operands[i]! < 0 ? [] : [[d, inputs.operands[i]!]])),
    );
    const results = kept.map((i) => block.results[i]!);
    const compiled = new CompiledBlock(site, block, results, shapes);
    const place = inputs.recorded.map((desc, i) => {
      if (!desc || !compiled.runnable.isRead(i)) return -1;
      const known = layout.descs.indexOf(desc);
      return known >= 0 ? known : layout.descs.push(desc) - 1;
    });
    const sets = new Carried(on, compiled.runnable.outputTypes.map(bytesOf));
    const reads = new Set([0]);
    inputs.operands.forEach((at, i) => {
      if (at >= 0 && compiled.runnable.isRead(i)) reads.add(at);
    });
    for (let i = 0; i < carried; i++) reads.add(i + 1);
    const argument = inputs.arguments.map((arg) => kept.indexOf(arg));
    const token = node.operands[0] as GraphValue;
    const run = (addresses: readonly number[]): void => {
      const stack = context.stack(readScalar(on, token, addresses[token.id]!));
      const fixed = inputs.operands.map((at) => (at < 0 ? 0 : operandAt(node, at, addresses)));
      let now = [...sets.next()];
      kept.forEach((i, k) => {
        if (i < carried) now[k] = operandAt(node, i + 1, addresses);
        else on.heap.views.u8.fill(0, now[k]!, now[k]! + sets.bytes[k]!);
      });
      for (let i = stack.count - 1; i >= 0; i--) {
        const next = sets.next();
        const record = stack.at(i);
        compiled.run(
          fixed.map((address, k) => {
            if (argument[k]! >= 0) return now[argument[k]!]!;
            return place[k]! >= 0 ? record + layout.offsets[place[k]!]! : address;
          }),
          next,
        );
        now = [...next];
      }
      kept.forEach((i, k) => copyBytes(on, now[k]!, addresses[node.outputs[i]!.id]!, sets.bytes[k]!));
    };
    return {
      reads,
      run,
      requestNative: () => compiled.runnable.requestNative(),
      settled: () => compiled.runnable.settled(),
      dispose: () => {
        compiled.runnable.dispose();
        sets.dispose();
      },
    };
  }
}
