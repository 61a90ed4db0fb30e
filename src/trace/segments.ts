// Segmented: a block that is cut where sizes are read in it; what follows is compiled for each size that comes out, and kept.

import { Sizes } from "../core/extents.js";
import type { Engine } from "../device/engine.js";
import type { Storage } from "../device/storage.js";
import type { LaunchTime } from "../program/executable.js";
import type { Operator, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { publish, scoped } from "./handles.js";
import { type CompileReport, Runnable, type RunnableSource } from "./runnable.js";
import { cutBlock, type Stretch } from "./segment-plan.js";
import { sizeFrom } from "./size-in.js";
import { sizeReadOp } from "./size-read.js";

/** So many sizes of a stretch stay compiled; those used longest ago go first. */
const keptSizes = 32;

/** Sizes before code is made that takes extents as arguments: it serves all sizes, a little slower than code for one. */
const ownCode = 2;

/** What a run read, and a text for it. */
export interface ReadSizes {
  readonly sizes: Sizes;
  readonly key: string;
}

const nothingRead: ReadSizes = { sizes: new Sizes(), key: "" };

/** Code for some sizes, and those with what was learned while it was made. */
interface Code {
  readonly runnable: Runnable;
  readonly sizes: Sizes;
}

/** A stretch of operators, compiled for the sizes that were read before it. */
class Segment {
  private readonly bySizes = new Map<string, Code>();
  private count = 0;

  constructor(
    private readonly on: Engine,
    private readonly source: RunnableSource,
    readonly stretch: Stretch,
  ) {}

  /** Those that are ready, the one used last at the end. */
  get runnables(): readonly Runnable[] {
    return [...this.bySizes.values()].map((c) => c.runnable);
  }

  /** The code for what was read. */
  for(read: ReadSizes, env: ReadonlyMap<VarDesc, Value>): Code {
    const { bySizes, stretch } = this;
    const key = stretch.sized ? read.key : stretch.inputs.map((desc) => env.get(desc)!.shape.join()).join(";");
    const code = bySizes.get(key) ?? this.compile(read.sizes, env);
    bySizes.delete(key);
    bySizes.set(key, code);
    if (bySizes.size <= keptSizes) return code;
    const [oldest, gone] = bySizes.entries().next().value!;
    bySizes.delete(oldest);
    gone.runnable.dispose();
    return code;
  }

  private compile(given: Sizes, env: ReadonlyMap<VarDesc, Value>): Code {
    const sizes = given.copy();
    const { source, stretch } = this;
    const inputs = new Set(stretch.inputs);
    const runnable = new Runnable(this.on, {
      ...source,
      ops: stretch.ops,
      inputs: stretch.inputs,
      captures: source.captures.filter((c) => !inputs.has(c.desc)),
      outputs: stretch.outputs.map((o) => o.desc),
      shapeOf: (desc) => (inputs.has(desc) ? env.get(desc)!.shape : (source.shapeOf?.(desc) ?? desc.shape)),
      resize: {
        number: (n) => sizes.number(source.resize?.number(n) ?? n),
        attrs: (attrs) => sizes.attrs(source.resize?.attrs(attrs) ?? attrs),
        learn: (written, actual) => sizes.learnDerived(written, actual),
        failed: (op, error) => source.resize?.failed?.(op, error) ?? error,
      },
      generic: stretch.sized && this.count++ >= ownCode,
    });
    return { runnable, sizes };
  }

  dispose(): void {
    for (const { runnable } of this.bySizes.values()) runnable.dispose();
    this.bySizes.clear();
  }
}

/** A block with sizes that depend on values, ready to run. */
export class Segmented {
  private readonly segments: readonly Segment[];
  private latest = nothingRead;
  /** Memory of values that went from one segment to another in the last run. */
  private held: Storage[] = [];

  constructor(
    on: Engine,
    private readonly source: RunnableSource,
  ) {
    this.segments = cutBlock(source).map((stretch) => new Segment(on, source, stretch));
  }

  /** What the last run read. */
  get read(): ReadSizes {
    return this.latest;
  }

  /** Runs with inputs in eager tensors, as {@link Runnable.run}; `given`: sizes that another block read. */
  run(inputs: readonly Value[], given?: ReadSizes): Value[] {
    return this.within(inputs, (outputs) => outputs.map(publish), given);
  }

  /** Runs, and frees the outputs when `use` is done with them. */
  within<R>(inputs: readonly Value[], use: (outputs: readonly Value[]) => R, given = nothingRead): R {
    this.letGo();
    return scoped(() => {
      const env = new Map<VarDesc, Value>(this.source.inputs.map((desc, i) => [desc, inputs[i]!]));
      this.latest = given;
      let outputs: readonly Value[] = [];
      for (const segment of this.segments) {
        const { stretch } = segment;
        const { runnable, sizes } = segment.for(this.latest, env);
        outputs = runnable.run(stretch.inputs.map((desc) => env.get(desc)!));
        if (stretch.sized) this.latest = { sizes, key: this.latest.key };
        if (segment === this.segments.at(-1)) break;
        stretch.outputs.forEach(({ as }, i) => env.set(as, outputs[i]!));
        for (const value of outputs) this.held.push(value.storage!.retain());
        if (stretch.read) this.latest = readFrom(stretch.read, env, this.latest);
      }
      return use(outputs);
    });
  }

  /** Waits for compilations that are under way. */
  async settled(): Promise<CompileReport | undefined> {
    const all = this.segments.flatMap((s) => s.runnables);
    const reports = (await Promise.all(all.map((r) => r.settled()))).filter((r) => r !== undefined);
    const last = reports.at(-1);
    if (!last) return undefined;
    const kernels = reports.reduce((n, r) => n + r.kernels, 0);
    return { ...last, kernels, seconds: Math.max(...reports.map((r) => r.seconds)) };
  }

  /** Asks for native code for the sizes of the last run. */
  requestNative(): void {
    for (const segment of this.segments) segment.runnables.at(-1)?.requestNative();
  }

  /** The best time of each launch, for the sizes of the last run. */
  profile(): LaunchTime[] {
    return this.segments.flatMap((s) => s.runnables.at(-1)?.profile() ?? []);
  }

  dispose(): void {
    this.letGo();
    for (const segment of this.segments) segment.dispose();
  }

  private letGo(): void {
    for (const storage of this.held.splice(0)) storage.release();
  }
}

function readFrom(read: Operator, env: ReadonlyMap<VarDesc, Value>, before: ReadSizes): ReadSizes {
  const { size, of, refusal } = read.attrs as { readonly size: number; readonly of: string; readonly refusal: string };
  const n = sizeFrom(env.get(read.operands[0] as VarDesc)!, of, refusal);
  return { sizes: before.sizes.with(size, n), key: `${before.key}${n},` };
}

/** Whether a size is read in the middle of a block. */
export const readsSizes = (ops: readonly Operator[]): boolean => ops.some((op) => op.record === sizeReadOp);

/** A block made ready to run, whole unless sizes are read in it. */
export const makeRunnable = (on: Engine, source: RunnableSource): Runnable | Segmented =>
  readsSizes(source.ops) ? new Segmented(on, source) : new Runnable(on, source);
