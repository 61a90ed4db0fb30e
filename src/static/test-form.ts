// The test form of a Program's forward part: dropout passes its input on, batch norm uses its running statistics and keeps them.

import { assignOp } from "../ops/copy.js";
import { multiplyOp } from "../ops/arithmetic.js";
import { batchNormInferOp, batchNormOp, movingAverageOp } from "../ops/batch-norm.js";
import { alphaMaskOp, dropoutMaskOp, dropoutOp, leakyOp, maskScaleOp, rreluNoiseOp } from "../ops/random-dropout.js";
import { seedStateOp } from "../ops/random-state.js";
import { reshapeOp } from "../ops/views.js";
import type { OpRecord } from "../program/op.js";
import { type Operand, type Operator, VarDesc } from "../program/program.js";
import { rewriteBlocks } from "./control-flow-blocks.js";

/** Operators in test form, and the variables that were made for it. */
export interface TestForm {
  readonly ops: readonly Operator[];
  readonly made: readonly VarDesc[];
}

/** What stands in place of an operator; undefined: it stays. */
type Replacement = (op: Operator) => readonly Operator[] | undefined;

const attr = (op: Operator | undefined, name: string): number => (op?.attrs[name] as number | undefined) ?? 0;

const producer = (o: Operand): Operator | undefined => (typeof o === "object" ? o.producer : undefined);

/** The first output of `op` as another op's result. */
const instead = (op: Operator, record: OpRecord, operands: readonly Operand[], attrs = {}): Operator[] => [
  { record, operands, attrs, outputs: [op.outputs[0]!] },
];

/** `x`, or `x (1 - p)` where the kept elements are not scaled in training. */
const dropoutOff = (op: Operator, scaledInTraining: boolean, p: number): Operator[] =>
  scaledInTraining
    ? instead(op, assignOp, [op.operands[0]])
    : instead(op, multiplyOp, [op.operands[0], Math.fround(1 - Math.fround(p))]);

/** The running statistics of each batch norm: what its moving averages change. */
export function runningStatistics(ops: readonly Operator[]): Map<VarDesc, VarDesc> {
  const running = new Map<VarDesc, VarDesc>();
  for (const op of ops) {
    if (op.record !== movingAverageOp) continue;
    const [kept, value] = op.operands as readonly [VarDesc, VarDesc];
    // The batch's statistic may have been reshaped to the running one's axis.
    const statistic = value.producer?.record === batchNormOp ? value : (producer(value)?.operands[0] as VarDesc);
    running.set(statistic, kept);
  }
  return running;
}

/** Rewrites forward operators. */
export function forTesting(ops: readonly Operator[]): TestForm {
  const running = runningStatistics(ops);
  const made: VarDesc[] = [];
  /** A running statistic in the shape that batch norm's operands have. */
  const fitted = (like: VarDesc, out: Operator[]): VarDesc | undefined => {
    const source = running.get(like);
    if (!source) return undefined;
    const desc = new VarDesc(`${like.name}.running`, like.shape, like.dtype);
    made.push(desc);
    const op = { record: reshapeOp, operands: [source], attrs: { shape: [...like.shape] }, outputs: [desc] };
    desc.producer = op;
    out.push(op);
    return desc;
  };
  const replacements = new Map<OpRecord, Replacement>([
    [dropoutOp, (op) => dropoutOff(op, attr(op, "divisor") !== 1, attr(op, "p"))],
    [
      maskScaleOp,
      (op) =>
        producer(op.operands[1])?.record === dropoutMaskOp
          ? dropoutOff(op, attr(op, "scale") !== 1, attr(producer(op.operands[1]), "p"))
          : undefined,
    ],
    [alphaMaskOp, (op) => instead(op, assignOp, [op.operands[0]])],
    [
      multiplyOp,
      (op) => {
        const noise = producer(op.operands[1]);
        if (noise?.record !== rreluNoiseOp) return undefined;
        return instead(op, leakyOp, [op.operands[0]], { slope: (attr(noise, "lower") + attr(noise, "upper")) / 2 });
      },
    ],
    [
      batchNormOp,
      (op) => {
        const [x, weight, bias] = op.operands;
        const before: Operator[] = [];
        const [mean, variance] = [fitted(op.outputs[1]!, before), fitted(op.outputs[2]!, before)];
        if (!mean || !variance) return undefined;
        const { epsilon } = op.attrs;
        return [...before, ...instead(op, batchNormInferOp, [x, mean, variance, weight, bias], { epsilon })];
      },
    ],
    [movingAverageOp, () => []],
  ]);
  const rewritten = ops.flatMap((op) => replacements.get(op.record)?.(op) ?? [rewriteBlocks(op, forTesting)]);
  return { ops: withoutIdle(rewritten), made };
}

const sources: ReadonlySet<OpRecord> = new Set([seedStateOp, dropoutMaskOp, rreluNoiseOp]);

/** Without random sources that nothing reads, and without reshapes of statistics that nothing averages. */
function withoutIdle(ops: readonly Operator[]): Operator[] {
  const used = new Set<VarDesc>();
  const kept: Operator[] = [];
  const known = new Set(ops.flatMap((op) => op.outputs));
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i]!;
    const read = op.outputs.some((v) => used.has(v));
    const lost = op.operands.some((o) => typeof o === "object" && o.producer !== undefined && !known.has(o));
    if (!read && (sources.has(op.record) || lost)) continue;
    kept.push(op);
    for (const o of op.operands) if (typeof o === "object") used.add(o);
  }
  return kept.reverse();
}
