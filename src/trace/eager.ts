// The eager interpreter: infers, finds the compiled plan of the call, allocates outputs and runs it at once.

import { dtypes, type DType } from "../core/dtype.js";
import { BugError, PreconditionNotMetError } from "../core/errors.js";
import { debugLevel } from "../core/flags.js";
import { keyOf } from "../core/key.js";
import { emptyData, entriesOf, type NdArray } from "../core/nd-array.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Backend } from "../device/backend.js";
import { type Engine, engine } from "../device/engine.js";
import type { Storage } from "../device/storage.js";
import type { GraphNode, GraphValue, TensorType } from "../fuse/body.js";
import { blockElements } from "../fuse/emitter.js";
import type { Inferred, OpRecord } from "../program/op.js";
import { type Bindings, compileGraph, type Plan } from "../program/plan.js";
import { reportPlan } from "../program/report.js";
import type { Value } from "../program/value.js";
import { type Attrs, inferCall, inplaceOperand, type Interpreter, operandName } from "./bind.js";
import { eagerHandle } from "./handles.js";
import { FastPath } from "./fast-path.js";
import { GraphBuilder } from "./lower.js";
import { noteWork, type Upgradable } from "./upgrades.js";

/** A plan with what connects it to a call. */
interface CallPlan extends Upgradable {
  plan: Plan;
  /** Graph value ids of the operands (-1 for numbers and absent ones) and of the outputs. */
  readonly operandIds: readonly number[];
  readonly outputIds: readonly number[];
  /** The plan is one nest of one op: shapes, attributes and numbers are those of the call. */
  readonly direct: boolean;
  /** Bindings that do not change between calls of a composed plan. */
  readonly shapes: readonly Shape[];
}

/** Composed plans are kept for this many shapes an op. */
const maxComposedPlans = 256;

class EagerInterpreter implements Interpreter {
  private readonly plans = new WeakMap<Engine, Map<number | string, CallPlan>[]>();

  private readonly fast = new FastPath();

  process(record: OpRecord, operands: readonly (Value | number | undefined)[], attrs: Attrs): Value[] {
    const on = engine();
    const quick = this.fast.run(on, record, operands, attrs);
    if (quick) return [quick];
    const inferred = inferCall(record, operands, attrs);
    const { outs } = inferred;
    const { body } = record;
    if (body.form === "element" && body.view) return this.view(record, operands[0] as Value, outs);
    if (body.form === "host") return runHost(record, operands, attrs);
    const shapes = record.outputs.map((name) => outs[name]!.shape);
    const call = this.planFor(on, record, operands, attrs, inferred);
    const outputs = this.allocate(on, record, operands, outs, call);
    runCall(on, record, call, operands, outputs, shapes, attrs);
    return record.outputs.map((name, i) => eagerHandle(shapes[i]!, outs[name]!.dtype, outputs[i]!));
  }

  /** Reshape-like ops share their operand's memory. */
  private view(record: OpRecord, x: Value, outs: ReturnType<OpRecord["infer"]>["outs"]): Value[] {
    const type = outs[record.outputs[0]!]!;
    return [eagerHandle(type.shape, type.dtype, storageOf(x, record.name).retain())];
  }

  private allocate(
    on: Engine,
    record: OpRecord,
    operands: readonly (Value | number | undefined)[],
    outs: ReturnType<OpRecord["infer"]>["outs"],
    call: CallPlan,
  ): Storage[] {
    return record.outputs.map((name, i) => {
      const at = inplaceOperand(record, name) ?? aliasOperand(call, i);
      if (at !== undefined) {
        const storage = storageOf(operands[at] as Value, record.name).retain();
        if (record.inplace[name] !== undefined) storage.version++;
        return storage;
      }
      const type = outs[name]!;
      return on.allocate(sizeOf(type.shape) * dtypes[type.dtype].bytes);
    });
  }

  private planFor(
    on: Engine,
    record: OpRecord,
    operands: readonly (Value | number | undefined)[],
    attrs: Attrs,
    inferred: Inferred<string>,
  ): CallPlan {
    let byRecord = this.plans.get(on);
    if (!byRecord) {
      byRecord = [];
      this.plans.set(on, byRecord);
    }
    let plans = byRecord[record.id];
    if (!plans) {
      plans = new Map();
      byRecord[record.id] = plans;
    }
    const composed = record.body.form === "compose";
    const key = composed ? composedKey(operands, attrs) : directKey(record, operands, attrs, inferred);
    let call = plans.get(key);
    if (!call) {
      if (composed && plans.size >= maxComposedPlans) plans.delete(plans.keys().next().value!);
      call = makeCall(on, record, operands, attrs);
      plans.set(key, call);
    }
    return call;
  }
}

/** The eager interpreter of the process. */
export const eagerInterpreter: Interpreter = new EagerInterpreter();

/** The storage of an eager value; a clear error for a variable of a Program. */
export function storageOf(v: Value, op: string): Storage {
  if (v.storage && !v.storage.freed) return v.storage;
  if (v.storage) throw new PreconditionNotMetError("the tensor was disposed of.", { op });
  throw new PreconditionNotMetError("the value is a Program's variable and has no data.", {
    op,
    hint: "fetch it with exe.run.",
  });
}

function makeCall(
  on: Engine,
  record: OpRecord,
  operands: readonly (Value | number | undefined)[],
  attrs: Attrs,
): CallPlan {
  const builder = new GraphBuilder();
  const values = operands.map((o) => (typeof o === "object" ? builder.input(o) : o));
  const outputs = builder.add(record, values, attrs);
  const graph = builder.graph(outputs);
  const planOn = (backend: Backend): Plan => {
    const start = debugLevel() > 0 ? performance.now() : 0;
    const plan = compileGraph(backend, graph, builder.values, { generic: true });
    if (debugLevel() > 0) reportPlan(record.name, on, plan, backend, performance.now() - start);
    return plan;
  };
  return {
    heat: 0,
    graph,
    apply(backend) {
      this.plan = planOn(backend);
    },
    plan: planOn(on.primary),
    operandIds: values.map((v) => (typeof v === "object" ? v.id : -1)),
    outputIds: outputs.map((v) => v.id),
    direct: record.body.form !== "compose",
    shapes: builder.values.map((v) => v.shape),
  };
}

/** Where an operand's data stands; ghosts, whose data no op reads, may have none. */
function addressOf(record: OpRecord, o: Value, position: number): number {
  const address = o.storage?.address ?? 0;
  if (address !== 0 || record.ghosts.includes(operandName(record.inputs, position).name)) return address;
  return storageOf(o, record.name).address;
}

/** The value whose memory a value of a plan is. */
function rootOf(plan: Plan, id: number): number {
  let root = id;
  for (let alias = plan.aliases.get(root); alias; alias = plan.aliases.get(root)) root = alias.of;
  return root;
}

/** The operand whose memory an output of a plan is, when a composition ends in a view of it. */
function aliasOperand(call: CallPlan, output: number): number | undefined {
  const at = call.operandIds.indexOf(rootOf(call.plan, call.outputIds[output]!));
  return at >= 0 ? at : undefined;
}

function runCall(
  on: Engine,
  record: OpRecord,
  call: CallPlan,
  operands: readonly (Value | number | undefined)[],
  outputs: readonly Storage[],
  outShapes: readonly Shape[],
  attrs: Attrs,
): void {
  const { plan } = call;
  const addresses = new Array<number>(plan.values.length).fill(0);
  const shapes = call.direct ? new Array<Shape>(plan.values.length) : call.shapes;
  for (let i = 0; i < operands.length; i++) {
    const o = operands[i];
    if (typeof o !== "object") continue;
    const id = call.operandIds[i]!;
    addresses[id] = addressOf(record, o, i);
    if (call.direct) (shapes as Shape[])[id] = o.shape;
  }
  for (let i = 0; i < outputs.length; i++) {
    const id = call.outputIds[i]!;
    addresses[id] = outputs[i]!.address;
    const root = rootOf(plan, id);
    if (addresses[root] === 0) addresses[root] = addresses[id]!;
    if (call.direct) (shapes as Shape[])[id] = outShapes[i]!;
  }
  const inner = call.direct ? undefined : allocateInner(on, plan, addresses);
  const bindings: Bindings = {
    addresses,
    shapes,
    attrs: call.direct ? [attrs] : plan.graph.nodes.map((n) => n.attrs),
    operands: call.direct ? [operands] : plan.graph.nodes.map((n) => n.operands),
  };
  let work = 0;
  for (const step of plan.steps) {
    if (step.kind === "nest") work += step.nest.run(on, on.argumentArea, bindings);
    else runHostNode(on, step.node, addresses);
  }
  noteWork(on, call, work);
  if (inner) for (const address of inner) on.heap.free(address);
}

/** Memory for what lives only inside a composed plan. */
function allocateInner(on: Engine, plan: Plan, addresses: number[]): number[] {
  const held: number[] = [];
  for (const step of plan.steps) {
    const writes = step.kind === "nest" ? step.nest.nest.writes : step.node.outputs.map((v) => v.id);
    for (const id of writes) {
      if (addresses[id] !== 0 || plan.aliases.has(id)) continue;
      const v = plan.values[id]!;
      addresses[id] = on.heap.alloc(sizeOf(v.shape) * dtypes[v.dtype].bytes);
      held.push(addresses[id]!);
    }
  }
  for (const v of plan.values) if (addresses[v.id] === 0) addresses[v.id] = addresses[rootOf(plan, v.id)]!;
  return held;
}

/** Whether each extent is 1, as bits; extents beyond 24 axes do not occur. */
function onesOf(shape: Shape): number {
  let bits = 0;
  for (let i = 0; i < shape.length; i++) bits = (bits << 1) | (shape[i] === 1 ? 1 : 0);
  return bits;
}

/** Everything the code of a single op depends on: dtypes, ranks, extents of 1, fixed attributes; not sizes or scalars. */
function directKey(
  record: OpRecord,
  operands: readonly (Value | number | undefined)[],
  attrs: Attrs,
  inferred: Inferred<string>,
): number {
  const fixed = fixedAttrs(record, attrs);
  const large = record.body.form === "reduce" && sizeOf((operands[0] as Value).shape) > blockElements;
  if (operands.length > 3 || record.outputs.length !== 1 || fixed !== "" || large)
    return wordyKey(record, operands, inferred, fixed, large);
  let key = inferred.compute === undefined ? 15 : dtypes[inferred.compute].id;
  for (let i = 0; i < operands.length; i++) {
    const o = operands[i];
    if (typeof o !== "object") key = key * 4096 + (o === undefined ? 4094 : 4095);
    else if (o.shape.length > 4) return wordyKey(record, operands, inferred, fixed, large);
    else key = key * 4096 + typeKey(o);
  }
  const out = inferred.outs[record.outputs[0]!]!;
  return out.shape.length > 4 ? wordyKey(record, operands, inferred, fixed, large) : key * 4096 + typeKey(out);
}

/** Dtype, rank (to 4) and extents of 1 in twelve bits. */
const typeKey = (t: TensorType): number => dtypes[t.dtype].id * 256 + t.shape.length * 32 + onesOf(t.shape);

/** The key of a call that does not fit in one number: its parts one after another, each sequence of them numbered once. */
function wordyKey(
  record: OpRecord,
  operands: readonly (Value | number | undefined)[],
  inferred: Inferred<string>,
  fixed: string,
  large: boolean,
): number {
  const { compute, outs } = inferred;
  let key = sequences.after(0, large ? 1 : 0);
  if (fixed !== "") key = sequences.after(key, sequences.word(fixed));
  key = sequences.after(key, compute === undefined ? 15 : dtypes[compute].id);
  for (let i = 0; i < operands.length; i++) key = sequences.after(key, partKey(operands[i]));
  for (let i = 0; i < record.outputs.length; i++) key = sequences.after(key, partKey(outs[record.outputs[i]!]!));
  // Below 0, apart from the keys that are one number.
  return -key;
}

/** An operand or output in a number: dtype, rank and extents of 1, or what there is in place of a tensor. */
function partKey(o: TensorType | number | undefined): number {
  if (typeof o !== "object") return o === undefined ? 4094 : 4095;
  const rank = o.shape.length;
  return rank <= 4 ? typeKey(o) : sequences.word(`${dtypes[o.dtype].id}:${rank}:${onesOf(o.shape)}`);
}

/** Numbers sequences of parts and texts. */
class Sequences {
  private readonly following: (Map<number, number> | undefined)[] = [];
  private readonly words = new Map<string, number>();
  private count = 0;

  /** The number of a sequence (0: the empty one) with one more part. */
  after(sequence: number, part: number): number {
    let next = this.following[sequence];
    if (!next) {
      next = new Map();
      this.following[sequence] = next;
    }
    let found = next.get(part);
    if (found === undefined) {
      found = ++this.count;
      next.set(part, found);
    }
    return found;
  }

  /** A part that stands for a text. */
  word(text: string): number {
    let found = this.words.get(text);
    if (found === undefined) {
      found = 4096 + this.words.size;
      this.words.set(text, found);
    }
    return found;
  }
}

const sequences = new Sequences();

function fixedAttrs(record: OpRecord, attrs: Attrs): string {
  let out = "";
  for (const name in attrs) {
    const value = attrs[name];
    if (!record.scalarAttrs.has(name)) out += `${name}=${typeof value === "object" ? keyOf(value) : String(value)};`;
    else if (Array.isArray(value)) out += `${name}#${value.length};`;
  }
  return out;
}

function composedKey(operands: readonly (Value | number | undefined)[], attrs: Attrs): string {
  const ins = operands.map((o) => (typeof o === "object" ? `${dtypes[o.dtype].id}[${o.shape.join()}]` : String(o)));
  return `${ins.join(";")}|${keyOf(attrs)}`;
}

/** A tensor's elements in the heap. */
function viewAt(on: Engine, dtype: DType, shape: Shape, address: number): NdArray {
  const data = new dtypes[dtype].array(on.heap.memory.buffer, address, entriesOf(dtype, sizeOf(shape)));
  return { dtype, shape, data };
}

/** Copies a tensor's elements out of the heap. */
export function readArray(on: Engine, dtype: DType, shape: Shape, address: number): NdArray {
  const data = emptyData(dtype, sizeOf(shape));
  (data as Uint8Array).set(viewAt(on, dtype, shape, address).data as Uint8Array);
  return { dtype, shape, data };
}

/** The elements of an eager value where they are in the heap: to be read at once, before anything is allocated or computed. */
export function viewArray(v: Value): NdArray {
  return viewAt(engine(), v.dtype, v.shape, storageOf(v, "data").address);
}

/** Copies elements into the heap. */
export function writeArray(on: Engine, array: NdArray, address: number): void {
  const target = new dtypes[array.dtype].array(on.heap.memory.buffer, address, array.data.length);
  (target as Uint8Array).set(array.data as Uint8Array);
}

/** A new eager value with the elements of an array. */
export function fromArray(array: NdArray): Value {
  const on = engine();
  const storage = on.allocate(array.data.byteLength);
  writeArray(on, array, storage.address);
  return eagerHandle(array.shape, array.dtype, storage);
}

/** A new eager value of elements that stand in a storage, which becomes its own. */
export const adoptArray = (array: NdArray, storage: Storage): Value => eagerHandle(array.shape, array.dtype, storage);

/** The elements of an eager value, copied. */
export function toArray(v: Value): NdArray {
  return readArray(engine(), v.dtype, v.shape, storageOf(v, "data").address);
}

function hostOutputs(
  record: Pick<OpRecord, "name" | "inputs">,
  body: GraphNode["body"],
  arrays: readonly (NdArray | undefined)[],
  attrs: Attrs,
) {
  if (body.form !== "host") throw new BugError(`${record.name} is not a host op`);
  const named: Record<string, NdArray | NdArray[] | undefined> = {};
  record.inputs.forEach((raw, i) => {
    if (raw.endsWith("*")) named[raw.slice(0, -1)] = arrays.slice(i) as NdArray[];
    else named[raw.endsWith("?") ? raw.slice(0, -1) : raw] = arrays[i];
  });
  return body.host(named, attrs);
}

function runHost(record: OpRecord, operands: readonly (Value | number | undefined)[], attrs: Attrs): Value[] {
  const arrays = operands.map((o) => (typeof o === "object" ? toArray(o) : undefined));
  const outs = hostOutputs(record, record.body as GraphNode["body"], arrays, attrs);
  return record.outputs.map((name) => fromArray(outs[name]!));
}

/** Runs a host op of a graph on heap memory. */
export function runHostNode(on: Engine, node: GraphNode, addresses: readonly number[]): void {
  const arrays = node.operands.map((o) =>
    typeof o === "object" ? readArray(on, o.dtype, o.shape, addresses[o.id]!) : undefined,
  );
  const outs = hostOutputs({ name: node.name, inputs: node.names }, node.body, arrays, node.attrs);
  node.outputs.forEach((v: GraphValue, i) => writeArray(on, outs[node.outputNames[i]!]!, addresses[v.id]!));
}
