// Where a block is cut for sizes that are read in it, and which values go over from each stretch of operators to those after it.

import { UnimplementedError } from "../core/errors.js";
import { collectLearned } from "../core/extents.js";
import { defineOp } from "../program/define-op.js";
import { type Operator, VarDesc } from "../program/program.js";
import { inplaceOperand } from "./bind.js";
import { loopTokens, Region } from "./region.js";
import { sizeReadOp } from "./size-read.js";

/** Operators between two reads. */
export interface Stretch {
  readonly ops: readonly Operator[];
  /** Variables of earlier stretches (or inputs of the block) that it uses. */
  readonly inputs: readonly VarDesc[];
  /** What later ones use: the variable, and what it is known by from then on. */
  readonly outputs: readonly { readonly desc: VarDesc; readonly as: VarDesc }[];
  /** The read that ends it. */
  readonly read: Operator | undefined;
  /** Whether its code depends on sizes that were read. */
  readonly sized: boolean;
}

/** A block as it is cut. */
export interface BlockParts {
  readonly ops: readonly Operator[];
  readonly inputs: readonly VarDesc[];
  readonly outputs: readonly VarDesc[];
}

/** `x` in memory of its own, before its memory is overwritten. */
const keepOp = defineOp({
  name: "keep",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  lower: (_, { x }) => ({ out: x }),
  complex: (_, { x }) => ({ out: x }),
  grad: null,
  check: { samples: [{ inputs: [[2]], expect: (x) => x! }] },
});

/** An in-place change. */
interface Write {
  readonly at: number;
  readonly operand: VarDesc;
}

/** Whether an output may be an operand seen in another shape; compositions may end in such an op. */
const mayBeView = ({ record: { body } }: Operator): boolean =>
  body.form === "compose" || (body.form === "element" && body.view);

/** The operand whose memory an output is. */
function memoryOf(op: Operator, output: number): VarDesc | undefined {
  const at = inplaceOperand(op.record, op.record.outputs[output]!) ?? (mayBeView(op) ? 0 : undefined);
  const operand = at === undefined ? undefined : op.operands[at];
  return typeof operand === "object" ? operand : undefined;
}

/** Operators that become a stretch. */
interface Part {
  readonly ops: Operator[];
  read: Operator | undefined;
  readonly sized: boolean;
}

/** What is known of the variables of a block: where they are made, used and overwritten. Places are numbers of stretches. */
class Uses {
  readonly made = new Map<VarDesc, number>();
  readonly lastUse = new Map<VarDesc, number>();
  /** Every use, for variables whose memory is overwritten. */
  private readonly uses = new Map<VarDesc, number[]>();
  private readonly roots = new Map<VarDesc, VarDesc>();
  private readonly writes = new Map<VarDesc, Write[]>();
  /** How many changes of its memory stood before a variable was made. */
  private readonly before = new Map<VarDesc, number>();

  constructor(parts: readonly Part[], results: readonly VarDesc[]) {
    parts.forEach(({ ops, read }, at) => {
      for (const op of ops) this.note(op, at);
      for (const o of read?.operands ?? []) if (typeof o === "object") this.use(o, at);
    });
    for (const desc of results) this.use(desc, parts.length - 1);
  }

  private root(desc: VarDesc): VarDesc {
    return this.roots.get(desc) ?? desc;
  }

  private use(desc: VarDesc, at: number): void {
    this.lastUse.set(desc, at);
    const list = this.uses.get(desc);
    if (list) list.push(at);
    else this.uses.set(desc, [at]);
  }

  private note(op: Operator, at: number): void {
    for (const o of op.operands) if (typeof o === "object") this.use(o, at);
    op.outputs.forEach((desc, i) => {
      this.made.set(desc, at);
      const memory = memoryOf(op, i);
      if (!memory) return;
      const root = this.root(memory);
      this.roots.set(desc, root);
      const writes = this.writes.get(root) ?? [];
      this.writes.set(root, writes);
      if (inplaceOperand(op.record, op.record.outputs[i]!) !== undefined) writes.push({ at, operand: memory });
      this.before.set(desc, writes.length);
    });
  }

  /** Variables that must be copied where a stretch begins. */
  keptAtStart(at: number): VarDesc[] {
    if (this.writes.size === 0) return [];
    return [...this.uses.keys()].filter((desc) => {
      const kept = this.keptIn(desc);
      return kept?.at === at && !kept.whereMade && this.lastUse.get(desc)! > at;
    });
  }

  /** In which stretch a variable must be copied, since it is used after its memory was overwritten; and whether it can be where it is made. */
  keptIn(desc: VarDesc): { readonly at: number; readonly whereMade: boolean } | undefined {
    const writes = (this.writes.get(this.root(desc)) ?? []).slice(this.before.get(desc) ?? 0);
    const made = this.made.get(desc) ?? -1;
    const stale = writes.filter((w) =>
      this.uses.get(desc)!.some((use) => use > w.at || (w.operand !== desc && use === w.at && made < w.at)),
    );
    const first = stale[0];
    if (!first) return undefined;
    const whereMade = made >= 0 && (first.at === made || stale.some((w) => w.operand !== desc));
    return { at: whereMade ? made : first.at, whereMade };
  }
}

/** Operators in a row whose code depends on no size that was read are compiled apart from so many on: once, for all sizes. */
const worthwhile = 8;

/** Whether an operator's code depends on sizes that are learned in a run. */
function isSized(op: Operator): boolean {
  const found = new Set<number>();
  const shapes = [...op.operands, ...op.outputs].map((o) => (typeof o === "object" ? o.shape : o));
  collectLearned([op.attrs, shapes], found);
  return found.size > 0 || op.attrs["region"] instanceof Region;
}

/** Operators up to a read, in parts that depend on sizes and parts that do not. */
function partsBySize(ops: readonly Operator[], read: Operator | undefined): Part[] {
  const runs: Part[] = [];
  for (const op of ops) {
    const sized = isSized(op);
    if (runs.at(-1)?.sized === sized) runs.at(-1)!.ops.push(op);
    else runs.push({ ops: [op], read: undefined, sized });
  }
  const parts: Part[] = [];
  for (const run of runs) {
    const last = parts.at(-1);
    const sized = run.sized || run.ops.length < worthwhile;
    if (last?.sized === sized) last.ops.push(...run.ops);
    else parts.push({ ...run, sized });
  }
  if (parts.length === 0) parts.push({ ops: [], read: undefined, sized: false });
  parts.at(-1)!.read = read;
  return parts;
}

/** The parts of a block. */
function partsOf(ops: readonly Operator[], outputs: readonly VarDesc[]): Part[] {
  const needed = new Set<VarDesc>(outputs);
  for (const op of ops) for (const o of op.operands) if (typeof o === "object") needed.add(o);
  // A loop and its gradient must not be parted.
  const loops = ops.some((op) => op.outputs.some((v) => loopTokens.has(v)));
  const parts: Part[] = [];
  let list: Operator[] = [];
  const close = (read: Operator | undefined): void => {
    parts.push(...(loops ? [{ ops: list, read, sized: true }] : partsBySize(list, read)));
    list = [];
  };
  for (const op of ops) {
    // The number itself is nobody's operand as a rule: what follows has it in shapes and attributes.
    if (op.record !== sizeReadOp || op.outputs.some((v) => needed.has(v))) list.push(op);
    if (op.record === sizeReadOp) close(op);
  }
  close(undefined);
  return parts;
}

/**
 * Cuts a block behind each read of a size, and between code that depends on such sizes and code that does not. Throws Unimplemented when
 * a loop stands before a read and its gradient behind.
 */
export function cutBlock({ ops, inputs, outputs }: BlockParts): Stretch[] {
  const parts = partsOf(ops, outputs);
  const uses = new Uses(parts, outputs);
  const known = new Set(inputs);
  return parts.map(({ ops: own, read, sized }, at) => {
    const { all, handed } = handedOver(own, at, uses);
    const size = read?.operands[0];
    if (typeof size === "object" && !handed.some((o) => o.as === size)) handed.push({ desc: size, as: size });
    if (at === parts.length - 1) for (const desc of outputs) handed.push({ desc, as: desc });
    const made = new Set(all.flatMap((op) => op.outputs));
    const used = new Set(all.flatMap((op) => op.operands.filter((o) => typeof o === "object")));
    for (const { desc } of handed) used.add(desc);
    const taken = [...used].filter((desc) => !made.has(desc) && known.has(desc));
    for (const { as } of handed) known.add(as);
    return { ops: all, inputs: taken, outputs: handed, read, sized };
  });
}

/** The operators of a stretch with the copies it makes, and what later ones use. */
function handedOver(
  ops: readonly Operator[],
  at: number,
  uses: Uses,
): { readonly all: Operator[]; readonly handed: { desc: VarDesc; as: VarDesc }[] } {
  const all: Operator[] = [];
  const handed: { desc: VarDesc; as: VarDesc }[] = [];
  const keep = (desc: VarDesc): void => {
    const copy = new VarDesc(`${desc.name}.kept`, desc.shape, desc.dtype);
    all.push({ record: keepOp, operands: [desc], attrs: {}, outputs: [copy] });
    handed.push({ desc: copy, as: desc });
  };
  for (const desc of uses.keptAtStart(at)) keep(desc);
  for (const op of ops) {
    all.push(op);
    for (const desc of op.outputs) {
      if ((uses.lastUse.get(desc) ?? -1) <= at) continue;
      if (loopTokens.has(desc)) throw loopRefusal(loopTokens.get(desc));
      const kept = uses.keptIn(desc);
      if (kept?.at === at && kept.whereMade) keep(desc);
      else handed.push({ desc, as: desc });
    }
  }
  return { all, handed };
}

/** What a loop records of its iterations does not outlive a stretch. */
const loopRefusal = (site: string | undefined): UnimplementedError =>
  new UnimplementedError(
    `gradients do not flow through a whileLoop${site ? ` (${site})` : ""} before a size that depends on values is read.`,
    { op: "read_size", site, hint: "compute the mask, and what it chooses, before the loop." },
  );
