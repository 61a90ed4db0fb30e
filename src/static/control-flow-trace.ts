// Building the blocks of control flow: a trace that writes a branch or a loop body, and takes what it uses from outside as inputs.

import { UnimplementedError } from "../core/errors.js";
import type { OpRecord } from "../program/op.js";
import { Block, type Operand, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { type Attrs, capturing } from "../trace/bind.js";
import { type BlockTrace, leaked } from "../trace/block-trace.js";
import { symbolHandle } from "../trace/handles.js";
import { homeOf, type RegionBlock, setHome } from "../trace/region.js";
import { sizeReadOp } from "../trace/size-read.js";
import { callSite } from "./control-flow-results.js";
import { type Moded, type RuntimeScalar, StepTrace } from "../trace/step-trace.js";

/** A value from outside that a block uses. */
export interface Captured {
  /** As the user, or the block around, holds it. */
  readonly handle: Value;
  /** What it is in the block around. */
  readonly outer: VarDesc;
  /** What it is in the block. */
  readonly inner: VarDesc;
}

/** Blocks so far of each outermost trace. */
const counts = new WeakMap<BlockTrace, number>();

function nextIndex(root: BlockTrace): number {
  const index = (counts.get(root) ?? 0) + 1;
  counts.set(root, index);
  return index;
}

/** Writes one block. Its variables are its own; values from outside become inputs of the operator that will run it. */
export class SubTrace extends StepTrace implements RegionBlock {
  override readonly scalars: RuntimeScalar[] = [];
  override readonly beforeRun: (() => void)[] = [];
  override readonly guards: { readonly read: () => string; readonly was: string }[] = [];
  readonly root: BlockTrace;
  readonly index: number;
  /** Inputs in order: arguments first, then captured values, or what a loop left for its gradient. */
  readonly inputs: VarDesc[] = [];
  readonly results: VarDesc[] = [];
  readonly captured: Captured[] = [];
  /** Variables of the loop body whose records this block reads, and what they are here. */
  readonly recorded = new Map<VarDesc, VarDesc>();
  /** Every value from outside that an op of the block was given, with the variable it stood for. */
  readonly handles = new Map<Value, VarDesc | undefined>();
  /** Values made inside. */
  readonly made: Value[] = [];
  /** Makes a variable of this block known around it; there once the operator is. */
  export: ((desc: VarDesc) => VarDesc) | undefined;
  private readonly byOuter = new Map<VarDesc, Captured>();
  /** What inputs were changed to in place. */
  private readonly changed = new Map<VarDesc, VarDesc>();

  constructor(
    readonly parent: BlockTrace,
    /** Set in blocks that compute gradients: the loop body whose records they read, or null. */
    readonly gradientOf: SubTrace | null | undefined = undefined,
  ) {
    const root = parent instanceof SubTrace ? parent.root : parent;
    const index = nextIndex(root);
    super(new Block(), (record: OpRecord, output: string, n: number) => `${record.name}.block${index}.${output}_${n}`);
    this.root = root;
    this.index = index;
    if (!(root instanceof StepTrace)) return;
    this.scalars = root.scalars;
    this.beforeRun = root.beforeRun;
    this.guards = root.guards;
  }

  /** Captured values that the block changes in place. */
  get updated(): Captured[] {
    return this.captured.filter((c) => this.changed.has(c.inner));
  }

  /** Whether the block does more than compute its results: it draws random numbers, or changes something in place. */
  get hasEffects(): boolean {
    return this.changed.size > 0 || this.block.ops.some((op) => op.record.random);
  }

  override noteModes(layer: Moded): void {
    if (this.root instanceof StepTrace) this.root.noteModes(layer);
  }

  /** Runs `fn` with its ops written here. Throws Unimplemented when it changes an outer variable in place. */
  write<R>(fn: () => R): R {
    const result = capturing(this, fn);
    for (const [handle, was] of this.handles) {
      if (!was || handle.symbol === was) continue;
      const now = handle.symbol!.name;
      handle.symbol = was;
      throw new UnimplementedError(`"${was.name}" of outside is changed in place by "${now}" in a branch or a loop.`, {
        op: "static.nn",
        name: was.name,
        hint: "return the new value instead.",
      });
    }
    return result;
  }

  /** A new input that stands for no value around: a loop variable, a gradient flowing in. */
  argument(name: string, like: Pick<Value, "shape" | "dtype">): Value {
    const desc = this.owned(new VarDesc(`${name}.block${this.index}`, like.shape, like.dtype));
    this.inputs.push(desc);
    return symbolHandle(desc);
  }

  override process(record: OpRecord, operands: readonly (Value | number | undefined)[], attrs: Attrs): Value[] {
    if (record === sizeReadOp) throw sizeInside(String(attrs["of"]));
    const outs = super.process(record, operands, attrs);
    for (const desc of this.block.ops.at(-1)!.outputs) setHome(desc, this);
    this.made.push(...outs);
    return outs;
  }

  protected override follow(
    operands: readonly (Value | number | undefined)[],
    at: number | undefined,
    desc: VarDesc,
  ): void {
    const value = at === undefined ? undefined : operands[at];
    if (typeof value !== "object") return;
    const symbol = value.symbol as VarDesc | undefined;
    if (symbol && homeOf(symbol) === this) value.symbol = desc;
    else this.changed.set(this.input(value).inner, desc);
  }

  override operand(o: Value | number | undefined): Operand {
    if (typeof o !== "object") return o;
    const desc = o.symbol as VarDesc | undefined;
    if (!desc && !o.storage) return super.operand(o);
    if (desc) {
      const home = homeOf(desc);
      if (home === this) return desc;
      if (home instanceof SubTrace && !this.isIn(home)) {
        if (home === this.gradientOf) return this.fromRecord(desc);
        if (!this.around.some((t) => t.gradientOf === home))
          return this.operand(symbolHandle(this.exported(desc, home)));
      }
    }
    if (!this.handles.has(o)) this.handles.set(o, desc);
    const { inner } = this.input(o);
    return this.changed.get(inner) ?? inner;
  }

  /** The blocks that this one stands in, itself included. */
  private get around(): SubTrace[] {
    const { parent } = this;
    return parent instanceof SubTrace ? [this, ...parent.around] : [this];
  }

  private isIn(home: SubTrace): boolean {
    return this.around.includes(home);
  }

  /** A variable of a finished block, for a gradient. */
  private exported(desc: VarDesc, home: SubTrace): VarDesc {
    const forGradient = this.around.some((t) => t.gradientOf !== undefined);
    if (!forGradient || !home.export) throw leaked(desc);
    return home.export(desc);
  }

  private fromRecord(desc: VarDesc): VarDesc {
    let inner = this.recorded.get(desc);
    if (!inner) {
      inner = this.owned(new VarDesc(`${desc.name}.block${this.index}`, desc.shape, desc.dtype));
      this.inputs.push(inner);
      this.recorded.set(desc, inner);
    }
    return inner;
  }

  private input(handle: Value): Captured {
    const outer = this.parent.operand(handle) as VarDesc;
    let known = this.byOuter.get(outer);
    if (!known) {
      const inner = this.owned(new VarDesc(`${outer.name}.block${this.index}`, outer.shape, outer.dtype));
      known = { handle, outer, inner };
      this.byOuter.set(outer, known);
      this.captured.push(known);
      this.inputs.push(inner);
    }
    return known;
  }

  private owned(desc: VarDesc): VarDesc {
    setHome(desc, this);
    return this.block.addVar(desc);
  }
}

/** The error about a result in a block whose size depends on values. */
function sizeInside(of: string): UnimplementedError {
  const site = callSite();
  return new UnimplementedError(
    `the size of its result depends on values, which a branch or a loop cannot have.${site ? ` Called at ${site}.` : ""}`,
    { op: of, site, hint: "call it before and use its result inside, or choose with where(mask, x, 0)." },
  );
}
