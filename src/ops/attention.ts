// Ops: scaled dot-product attention and its gradient, without keeping the scores; softmax(scale q kᵀ + mask) v.

import { isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, type OpSample, type Plain, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, multiply, scale as scaled, subtract } from "./arithmetic.js";
import { emitAttention, emitAttentionGrad } from "./attention-kernels.js";
import { sumTo } from "./broadcast.js";
import { exp } from "./exponential.js";
import { cast } from "./cast.js";
import { matmul } from "./matmul.js";
import { swapAxes, repeat } from "./movement.js";
import { drawing } from "./random-body.js";
import { stateShape } from "./random-state.js";
import { canonical } from "./random-stream.js";
import { sumOver } from "./reduction.js";
import { wideType } from "./softmax.js";
import { unsqueeze } from "./views.js";

const op = "scaled_dot_product_attention";

/** Attributes of attention. */
const attentionAttrs = { scale: scalar(1), divisor: scalar(1), causal: fixed(false) };

interface Shapes {
  readonly q: InferInput;
  readonly key: InferInput;
  readonly value: InferInput;
  readonly mask: InferInput | undefined;
}

const differ = (a: number, b: number): boolean => a !== b && a >= 0 && b >= 0;

/** Throws InvalidArgument for shapes and dtypes that do not go together. */
function requireShapes({ q, key, value, mask }: Shapes, causal: boolean): void {
  const list = [q, key, value].map((x) => formatShape(x.shape)).join(", ");
  const fail = (problem: string): never => {
    throw new InvalidArgumentError(`${problem}; query, key and value are ${list}.`, { op });
  };
  if ([q, key, value].some((x) => x.shape.length !== 4)) fail("all must be [batch, length, heads, size]");
  if (!isFloat(q.dtype) || key.dtype !== q.dtype || value.dtype !== q.dtype)
    fail(`all must have one floating-point dtype, got ${q.dtype}, ${key.dtype}, ${value.dtype}`);
  if (differ(q.shape[3]!, key.shape[3]!)) fail("query and key must be of one size");
  if ([0, 1, 2].some((i) => differ(key.shape[i]!, value.shape[i]!)) || differ(q.shape[0]!, key.shape[0]!))
    fail("batches, and the lengths and heads of key and value, must be equal");
  const [heads, keyHeads] = [q.shape[2]!, key.shape[2]!];
  if (heads >= 0 && keyHeads >= 0 && (keyHeads === 0 ? heads !== 0 : heads % keyHeads !== 0))
    fail("the query's heads must be a multiple of the key's");
  if (!mask) return;
  if (causal) fail("a mask does not go with causal");
  const want = [q.shape[0]!, heads, q.shape[1]!, key.shape[1]!];
  const fits = mask.shape.every((n, i) => !differ(n, want[i]!) || (n === 1 && i < 3));
  if (mask.shape.length !== 4 || !fits)
    fail(`the mask is ${formatShape(mask.shape)} and must broadcast to ${formatShape(want)}`);
}

/** Attention on plain numbers. */
function reference(scale: number, causal: boolean) {
  return (q: Plain, key: Plain, value: Plain, mask?: Plain): readonly Plain[] => {
    const [batch, queries, heads] = q.shape as [number, number, number, number];
    const [, keys, keyHeads] = key.shape as [number, number, number, number];
    const width = value.shape[3]!;
    const out: number[] = new Array(batch * queries * heads * width).fill(0);
    const norm: number[] = [];
    const row = (x: Plain, n: number, i: number, h: number): readonly number[] => {
      const [, length, count, s] = x.shape as [number, number, number, number];
      const at = ((n * length + i) * count + h) * s;
      return x.data.slice(at, at + s);
    };
    for (let n = 0; n < batch; n++) {
      for (let h = 0; h < heads; h++) {
        const kh = Math.floor(h / (heads / keyHeads));
        for (let i = 0; i < queries; i++) {
          const a = row(q, n, i, h);
          const scores = Array.from({ length: keys }, (_, j) => {
            const c = row(key, n, j, kh);
            const added = mask ? mask.data[(n % mask.shape[0]!) * queries * keys + i * keys + j]! : 0;
            return causal && j > i ? -Infinity : a.reduce((s, v, d) => s + v * c[d]!, 0) * scale + added;
          });
          const most = Math.max(...scores);
          const sum = scores.reduce((s, v) => s + Math.exp(v - most), 0);
          norm.push(most + Math.log(sum));
          scores.forEach((s, j) => {
            const w = Math.exp(s - most) / sum;
            row(value, n, j, kh).forEach((v, d) => {
              out[((n * queries + i) * heads + h) * width + d]! += w * v;
            });
          });
        }
      }
    }
    return [
      { shape: [batch, queries, heads, width], data: out },
      { shape: [batch, heads, queries], data: norm },
    ];
  };
}

const zeroKept = [1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1];

/** Cases of the forward op; those of the gradient are made of them. */
const samples: readonly OpSample[] = [
  { inputs: [[1, 3, 1, 4], [1, 3, 1, 4], [1, 3, 1, 4], undefined, undefined], attrs: { scale: 0.5, causal: false } },
  { inputs: [[2, 5, 2, 3], [2, 70, 1, 3], [2, 70, 1, 18], undefined, undefined], attrs: { scale: 0.7, causal: false } },
  { inputs: [[1, 37, 2, 5], [1, 37, 2, 5], [1, 37, 2, 5], undefined, undefined], attrs: { scale: 1, causal: true } },
  {
    inputs: [[2, 3, 2, 4], [2, 5, 2, 4], [2, 5, 2, 4], [2, 1, 3, 5], undefined],
    attrs: { scale: 0.5, causal: false },
  },
].map((sample) => ({
  ...sample,
  expect: (...x: readonly Plain[]) => reference(sample.attrs.scale, sample.attrs.causal)(x[0]!, x[1]!, x[2]!, x[3]),
})) as readonly OpSample[];

const dropped: OpSample = {
  inputs: [
    [1, 3, 1, 4],
    [1, 4, 1, 4],
    [1, 4, 1, 2],
    undefined,
    { shape: [1, 1, 3, 4], data: zeroKept, dtype: "uint8" },
  ],
  attrs: { scale: 0.5, divisor: 0.75, causal: false },
};

/** `out = softmax(scale q keyᵀ + mask) value` by heads, weights not in `keep` dropped; `norm` is the logarithm of each softmax's sum. */
export const attentionOp = defineOp({
  name: "flash_attn",
  inputs: ["q", "key", "value", "mask?", "keep?"],
  outputs: ["out", "norm"],
  attrs: attentionAttrs,
  infer: ({ q, key, value, mask }, attrs) => {
    requireShapes({ q, key, value, mask }, attrs.causal);
    const [batch, queries, heads] = q.shape as [number, number, number];
    return {
      outs: {
        out: { shape: [batch, queries, heads, value.shape[3]!], dtype: q.dtype },
        norm: { shape: [batch, heads, queries], dtype: wideType(q.dtype) },
      },
    };
  },
  kernel: (b, inputs, outs, attrs) => emitAttention(b, inputs, outs, attrs),
  saves: ["q", "key", "value", "mask", "keep", "out", "norm"],
  grad: ({ q, key, value, mask, keep, out, norm }, d, { attrs }) => {
    let made: readonly Value[] | undefined;
    const all = (): readonly Value[] => {
      made ??= bind(attentionGradOp, [q, key, value, out, norm, d.out, mask, keep], attrs);
      return made;
    };
    return {
      q: () => all()[0]!,
      key: () => all()[1]!,
      value: () => all()[2]!,
      mask: () => maskGrad({ q, key, value, mask: mask!, keep, norm, out, d: d.out }, attrs),
    };
  },
  check: {
    domain: [-1, 1],
    noGradCheck: "norm exists for the gradient and gives none; attention.test compares out with differences",
    samples: [...samples, dropped],
  },
});

/** The gradients of {@link attentionOp}'s query, key and value. Differentiated no further, as in Paddle. */
export const attentionGradOp = defineOp({
  name: "flash_attn_grad",
  inputs: ["q", "key", "value", "out", "norm", "d", "mask?", "keep?"],
  outputs: ["dq", "dkey", "dvalue"],
  attrs: attentionAttrs,
  infer: ({ q, key, value }) => {
    const like = (x: InferInput) => ({ shape: x.shape, dtype: x.dtype });
    return { outs: { dq: like(q), dkey: like(key), dvalue: like(value) } };
  },
  kernel: (b, inputs, outs, attrs) => emitAttentionGrad(b, inputs, outs, attrs),
  grad: "refused",
  check: {
    domain: [-1, 1],
    samples: [
      {
        inputs: [
          [2, 5, 2, 3],
          [2, 70, 1, 3],
          [2, 70, 1, 18],
          [2, 5, 2, 18],
          [2, 2, 5],
          [2, 5, 2, 18],
          undefined,
          undefined,
        ],
        attrs: { scale: 0.7, causal: false },
      },
      {
        inputs: [
          [1, 37, 2, 5],
          [1, 37, 2, 5],
          [1, 37, 2, 5],
          [1, 37, 2, 5],
          [1, 2, 37],
          [1, 37, 2, 5],
          undefined,
          undefined,
        ],
        attrs: { scale: 0.7, causal: true },
      },
    ],
  },
});

interface MaskGradInput {
  readonly q: Value;
  readonly key: Value;
  readonly value: Value;
  readonly mask: Value;
  readonly keep: Value | undefined;
  readonly norm: Value;
  readonly out: Value;
  readonly d: Value;
}

/** The gradient of the mask, for masks that train: all scores' gradients, summed to the mask's shape. */
function maskGrad(
  x: MaskGradInput,
  attrs: { readonly scale: number; readonly divisor: number; readonly causal: boolean },
) {
  const heads = (v: Value): Value => swapAxes(cast(v, wideType(v.dtype)), 1, 2);
  const times = x.q.shape[2]! / x.key.shape[2]!;
  const shared = (v: Value): Value => (times === 1 ? heads(v) : repeat(heads(v), times, 1));
  const scores = add(scaled(matmul(heads(x.q), shared(x.key), false, true), attrs.scale), cast(x.mask, x.norm.dtype));
  const weights = exp(subtract(scores, unsqueeze(x.norm, [3])));
  const slopes = matmul(heads(x.d), shared(x.value), false, true);
  const passed = x.keep ? multiply(slopes, scaled(cast(x.keep, slopes.dtype), 1 / attrs.divisor)) : slopes;
  const delta = sumOver(multiply(heads(x.d), heads(x.out)), [3], true);
  return cast(sumTo(multiply(weights, subtract(passed, delta)), x.mask), x.mask.dtype);
}

/** Which weights of an attention stay: 0 where `u < p` for a uniform u of each, in row-major order `[batch, heads, queries, keys]`. */
export const attentionKeepOp = defineOp({
  name: "flash_attn_keep",
  inputs: ["q", "key", "state"],
  outputs: ["keep", "stateOut"],
  attrs: { p: scalar() },
  infer: ({ q, key }) => ({
    outs: {
      keep: { shape: [q.shape[0]!, q.shape[2]!, q.shape[1]!, key.shape[1]!], dtype: "uint8" },
      stateOut: { shape: stateShape, dtype: "int64" },
    },
    compute: "float32",
  }),
  kernel: (b, { state }, { keep, stateOut }, { p }) => {
    drawing(b, state, stateOut, (stream) => {
      stream.bulk(keep.size, (i, word) => keep.setFlat(i, b.k.cast(b.k.ge(canonical(word, "f32"), p), "i32")));
    });
  },
  ghosts: ["q", "key"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** The weights that stay where each is dropped with probability p. */
export const attentionKeep = (q: Value, key: Value, state: Value, p: number): Value =>
  bind(attentionKeepOp, [q, key, state], { p: Math.fround(p) })[0]!;

/** What {@link attention} takes: `[batch, length, heads, size]`, an additive mask of rank 4, the kept weights. */
export interface AttentionOperands<T> {
  readonly q: T;
  readonly key: T;
  readonly value: T;
  readonly mask?: T | undefined;
  readonly keep?: Value | undefined;
}

/** Scaled dot-product attention. `divisor` is what kept weights are divided by. */
export function attention<T extends Value>(
  { q, key, value, mask, keep }: AttentionOperands<T>,
  attrs: { readonly scale: number; readonly divisor: number; readonly causal: boolean },
): T {
  return bind1(attentionOp, [q, key, value, mask, keep], attrs) as T;
}
