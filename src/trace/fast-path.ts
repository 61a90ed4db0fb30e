// The fast path of eager calls: element-wise ops on tensors of one shape, straight from operands to the kernel.

import { type DType, dtypes } from "../core/dtype.js";
import { debugLevel } from "../core/flags.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Backend } from "../device/backend.js";
import type { Engine } from "../device/engine.js";
import { blockElements, type SlotSource } from "../fuse/emitter.js";
import type { OpRecord } from "../program/op.js";
import { type CompiledNest, compileGraph, launchKernel } from "../program/plan.js";
import { reportPlan } from "../program/report.js";
import type { Value } from "../program/value.js";
import { type Attrs, inferCall } from "./bind.js";
import { eagerHandle } from "./handles.js";
import { GraphBuilder } from "./lower.js";
import { noteWork, type Upgradable } from "./upgrades.js";

/** A kernel for one combination of dtypes, with its argument slots by what they hold. */
interface FastKernel extends Upgradable {
  nest: CompiledNest;
  readonly dtype: DType;
  readonly bytes: number;
  /** For each slot: operand number, or one of the codes below. */
  readonly slots: Int8Array;
}

const OUTPUT = -1;
const SIZE = -2;
/** The number operand, in the type of {@link numberTypes} at NUMBER - code. */
const NUMBER = -3;
const numberTypes = ["f32", "f64", "i32", "i64"] as const;

/** Second operands in keys: dtypes from 1, then numbers, since an integer tensor meets whole numbers and fractions differently. */
const WHOLE = 14;
const FRACTION = 15;

/** Elements from which several threads are worth waking. */
const parallelElements = 65536;

/** Runs what it can; everything else takes the general way. */
export class FastPath {
  private readonly kernels = new WeakMap<Engine, (Map<number, FastKernel | null> | undefined)[]>();

  /**
   * The result, or undefined when the call is not of the simple kind: one tensor of several elements, alone, with another of its shape
   * or with a number; no attributes.
   */
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
      if (typeof y === "number") key = key * 16 + (Number.isInteger(y) ? WHOLE : FRACTION);
      else if (!y?.storage || y.storage.address === 0 || !equalShapes(x.shape, y.shape)) return undefined;
      else key = key * 16 + dtypes[y.dtype].id + 1;
    }
    const size = sizeOf(x.shape);
    if (size < 2) return undefined;
    const fast = this.kernelFor(on, record, key, operands as readonly (Value | number)[], attrs);
    return fast ? launch(on, fast, operands as readonly (Value | number)[], x.shape, size) : undefined;
  }

  private kernelFor(
    on: Engine,
    record: OpRecord,
    key: number,
    operands: readonly (Value | number)[],
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
function makeKernel(
  on: Engine,
  record: OpRecord,
  operands: readonly (Value | number)[],
  attrs: Attrs,
): FastKernel | null {
  if (Object.keys(record.attrs).length > 0 || Object.keys(record.inplace).length > 0) return null;
  const builder = new GraphBuilder();
  const inputs = operands.map((o) => (typeof o === "number" ? o : builder.input({ shape: [2], dtype: o.dtype })));
  const outputs = builder.add(record, inputs, attrs);
  const graph = builder.graph(outputs);
  const nestOn = (backend: Backend): CompiledNest | undefined => {
    const start = debugLevel() > 0 ? performance.now() : 0;
    const plan = compileGraph(backend, graph, builder.values, { generic: true });
    if (debugLevel() > 0) reportPlan(record.name, on, plan, backend, performance.now() - start);
    const { steps } = plan;
    const step = steps[0]!;
    return steps.length === 1 && step.kind === "nest" && step.nest.kernels.length === 1 ? step.nest : undefined;
  };
  const nest = nestOn(on.primary);
  if (!nest) return null;
  const ids = inputs.map((v) => (typeof v === "number" ? -1 : v.id));
  const codes = nest.nest.slots.map((s) => codeOf(s, ids, outputs[0]!.id));
  if (codes.includes(undefined) || !chunked(nest)) return null;
  const { dtype } = inferCall(record, operands, attrs).outs[record.outputs[0]!]!;
  return {
    heat: 0,
    graph,
    apply(backend) {
      this.nest = nestOn(backend)!;
    },
    nest,
    dtype,
    bytes: dtypes[dtype].bytes,
    slots: Int8Array.from(codes as number[]),
  };
}

function codeOf(source: SlotSource, inputs: readonly number[], output: number): number | undefined {
  if (source.kind === "extent") return SIZE;
  if (source.kind === "operand")
    return source.operand === 1 ? NUMBER - numberTypes.indexOf(source.type as "f32") : undefined;
  if (source.kind !== "buffer") return undefined;
  return source.value === output ? OUTPUT : inputs.indexOf(source.value);
}

/** Whether the nest is one row cut into blocks of `blockElements`. */
const chunked = (nest: CompiledNest): boolean => nest.nest.slots.filter((s) => s.kind === "extent").length === 1;

function launch(
  on: Engine,
  fast: FastKernel,
  operands: readonly (Value | number)[],
  shape: Shape,
  size: number,
): Value {
  const storage = on.allocate(size * fast.bytes);
  const { u32 } = on.heap.views;
  const { slots } = fast;
  const base = on.argumentArea / 4;
  for (let i = 0; i < slots.length; i++) {
    const code = slots[i]!;
    if (code === SIZE) u32[base + 2 * i] = size;
    else if (code === OUTPUT) u32[base + 2 * i] = storage.address;
    else if (code >= 0) u32[base + 2 * i] = (operands[code] as Value).storage!.address;
    else writeNumber(on, base + 2 * i, numberTypes[NUMBER - code]!, operands[1] as number);
  }
  const blocks = size <= blockElements ? 1 : Math.ceil(size / blockElements);
  launchKernel(on, fast.nest, 0, on.argumentArea, blocks, size >= parallelElements, size);
  noteWork(on, fast, size * slots.length);
  return eagerHandle(shape, fast.dtype, storage);
}

function writeNumber(on: Engine, word: number, type: (typeof numberTypes)[number], x: number): void {
  const { views } = on.heap;
  if (type === "f32") views.f32[word] = x;
  else if (type === "f64") views.f64[word / 2] = x;
  else if (type === "i32") views.i32[word] = x;
  else views.i64[word / 2] = BigInt(Math.trunc(x));
}
