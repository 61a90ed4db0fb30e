// The fast path of eager calls: element-wise ops on tensors of one shape, straight from operands to the kernel.

import { type DType, dtypes } from "../core/dtype.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Backend } from "../device/backend.js";
import type { Engine } from "../device/engine.js";
import type { CompiledKernel, Target } from "../device/target.js";
import { blockElements, type SlotSource } from "../fuse/emitter.js";
import type { OpRecord } from "../program/op.js";
import { type CompiledNest, compileGraph } from "../program/plan.js";
import type { Value } from "../program/value.js";
import { type Attrs, inferCall } from "./bind.js";
import { eagerHandle } from "./handles.js";
import { GraphBuilder } from "./lower.js";
import { noteWork, type Upgradable } from "./upgrades.js";

/** A kernel for one combination of dtypes, with its argument slots by what they hold. */
interface FastKernel extends Upgradable {
  kernel: CompiledKernel;
  target: Target;
  readonly dtype: DType;
  readonly bytes: number;
  /** For each slot: operand number, or one of the codes below. */
  readonly slots: Int8Array;
}

const OUTPUT = -1;
const SIZE = -2;

/** Elements from which several threads are worth waking. */
const parallelElements = 65536;

/** Runs what it can; everything else takes the general way. */
export class FastPath {
  private readonly kernels = new WeakMap<Engine, (Map<number, FastKernel | null> | undefined)[]>();

  /** The result, or undefined when the call is not of the simple kind: 1 or 2 tensors of one shape of several elements, no attributes. */
  run(
    on: Engine,
    record: OpRecord,
    operands: readonly (Value | number | undefined)[],
    attrs: Attrs,
  ): Value | undefined {
    if (record.body.form !== "lower" || operands.length > 2 || record.outputs.length !== 1) return undefined;
    const x = operands[0];
    if (typeof x !== "object" || !x.storage || x.storage.address === 0) return undefined;
    let key = dtypes[x.dtype].id;
    if (operands.length === 2) {
      const y = operands[1];
      if (typeof y !== "object" || !y.storage || y.storage.address === 0 || !equalShapes(x.shape, y.shape))
        return undefined;
      key = key * 16 + dtypes[y.dtype].id + 1;
    }
    const size = sizeOf(x.shape);
    if (size < 2) return undefined;
    const fast = this.kernelFor(on, record, key, operands as readonly Value[], attrs);
    return fast ? launch(on, fast, operands as readonly Value[], x.shape, size) : undefined;
  }

  private kernelFor(
    on: Engine,
    record: OpRecord,
    key: number,
    operands: readonly Value[],
    attrs: Attrs,
  ): FastKernel | null {
    let byRecord = this.kernels.get(on);
    if (!byRecord) {
      byRecord = [];
      this.kernels.set(on, byRecord);
    }
    let byKey = byRecord[record.id];
    if (!byKey) {
      byKey = new Map();
      byRecord[record.id] = byKey;
    }
    let fast = byKey.get(key);
    if (fast === undefined) {
      fast = makeKernel(on, record, operands, attrs);
      byKey.set(key, fast);
    }
    return fast;
  }
}

function equalShapes(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Compiles the op for vectors of any length; null where it needs more than addresses and a size. */
function makeKernel(on: Engine, record: OpRecord, operands: readonly Value[], attrs: Attrs): FastKernel | null {
  if (Object.keys(record.attrs).length > 0 || Object.keys(record.inplace).length > 0) return null;
  const builder = new GraphBuilder();
  const inputs = operands.map((o) => builder.input({ shape: [2], dtype: o.dtype }));
  const outputs = builder.add(record, inputs, attrs);
  const graph = builder.graph(outputs);
  const nestOn = (backend: Backend): CompiledNest | undefined => {
    const { steps } = compileGraph(backend, graph, builder.values, { generic: true });
    const step = steps[0]!;
    return steps.length === 1 && step.kind === "nest" && step.nest.kernels.length === 1 ? step.nest : undefined;
  };
  const nest = nestOn(on.primary);
  if (!nest) return null;
  const codes = nest.nest.slots.map((s) =>
    codeOf(
      s,
      inputs.map((v) => v.id),
      outputs[0]!.id,
    ),
  );
  if (codes.includes(undefined) || !chunked(nest)) return null;
  const { dtype } = inferCall(record, operands, attrs).outs[record.outputs[0]!]!;
  return {
    heat: 0,
    graph,
    apply(backend) {
      this.kernel = nestOn(backend)!.kernels[0]!;
      this.target = backend.target;
    },
    kernel: nest.kernels[0]!,
    target: on.target,
    dtype,
    bytes: dtypes[dtype].bytes,
    slots: Int8Array.from(codes as number[]),
  };
}

function codeOf(source: SlotSource, inputs: readonly number[], output: number): number | undefined {
  if (source.kind === "extent") return SIZE;
  if (source.kind !== "buffer") return undefined;
  return source.value === output ? OUTPUT : inputs.indexOf(source.value);
}

/** Whether the nest is one row cut into blocks of `blockElements`. */
const chunked = (nest: CompiledNest): boolean => nest.nest.slots.filter((s) => s.kind === "extent").length === 1;

function launch(on: Engine, fast: FastKernel, operands: readonly Value[], shape: Shape, size: number): Value {
  const storage = on.allocate(size * fast.bytes);
  const { u32 } = on.heap.views;
  const { slots } = fast;
  const base = on.argumentArea / 4;
  for (let i = 0; i < slots.length; i++) {
    const code = slots[i]!;
    u32[base + 2 * i] = code === SIZE ? size : code === OUTPUT ? storage.address : operands[code]!.storage!.address;
  }
  const blocks = size <= blockElements ? 1 : Math.ceil(size / blockElements);
  if (size < parallelElements) {
    on.launches++;
    fast.kernel.run(on.argumentArea, 0, blocks, 0);
  } else on.run(fast.target, fast.kernel, on.argumentArea, blocks, true);
  noteWork(on, fast, size * slots.length);
  return eagerHandle(shape, fast.dtype, storage);
}
