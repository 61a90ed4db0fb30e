// Ops: discrete Fourier transforms of complex and real tensors along axes, frames of signals and their sum.

import { isComplex } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Expr, constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, type OpSample, type Plain, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { conj } from "./arithmetic.js";
import { asComplex, asReal, complex, real } from "./complex-parts.js";
import { concat, slice } from "./concat.js";
import { fullLike } from "./creation.js";
import { emitFft } from "./fft-kernels.js";
import { requireNumbers } from "./infer.js";
import { overAll } from "./loops.js";
import { flip, moveAxis } from "./movement.js";

/** The transform of rows `[n, 2]` by its definition. */
function definition(x: Plain, forward: boolean, scale: number): Plain {
  const n = x.shape.at(-2)!;
  const data = new Array<number>(x.data.length).fill(0);
  for (let row = 0; row < x.data.length; row += 2 * n) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const angle = ((forward ? -2 : 2) * Math.PI * ((i * j) % n)) / n;
        const [re, im] = [x.data[row + 2 * j]!, x.data[row + 2 * j + 1]!];
        data[row + 2 * i]! += scale * (re * Math.cos(angle) - im * Math.sin(angle));
        data[row + 2 * i + 1]! += scale * (re * Math.sin(angle) + im * Math.cos(angle));
      }
    }
  }
  return { shape: x.shape, data };
}

const fftSample = (n: number, chirp: boolean, forward: boolean): OpSample => ({
  inputs: [[2, n, 2]],
  attrs: { forward, scale: 0.5, chirp },
  expect: (x) => definition(x!, forward, 0.5),
});

/** `out[k] = scale Σ x[j] e^(∓2πi jk / n)` of complex numbers as pairs along the last axis, j and k along the one before. */
export const fftOp = defineOp({
  name: "fft_pairs",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { forward: fixed(true), scale: scalar(1), chirp: fixed(true) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  kernel: (b, { x }, { out }, attrs) => emitFft(b, x, out, attrs),
  // The transform's adjoint is the transform the other way.
  grad: (_, d, { attrs }) => ({ x: () => fftPairs(d.out, { ...attrs, forward: !attrs.forward }) }),
  check: {
    domain: [-2, 2],
    samples: [
      fftSample(1, false, true),
      fftSample(8, false, true),
      fftSample(64, false, false),
      fftSample(1, true, true),
      fftSample(7, true, true),
      fftSample(30, true, false),
    ],
  },
});

interface PairsAttrs {
  readonly forward: boolean;
  readonly scale: number;
  readonly chirp: boolean;
}

const fftPairs = (x: Value, attrs: PairsAttrs): Value => bind1(fftOp, [x], { ...attrs });

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;

/** The transform of a complex tensor along an axis; every element is multiplied by `scale`. */
export function fft<T extends Value>(x: T, axis: number, forward: boolean, scale: number): T {
  const last = x.shape.length - 1;
  const moved = axis === last ? x : moveAxis(x, axis, last);
  const chirp = !isPowerOfTwo(x.shape[axis]!);
  const out = asComplex(fftPairs(asReal(moved), { forward, scale, chirp })) as T;
  return axis === last ? out : moveAxis(out, last, axis);
}

/** A tensor as a complex one. */
export const asComplexValue = <T extends Value>(x: T): T =>
  isComplex(x.dtype) ? x : (complex<Value>(x, fullLike(x, 0)) as T);

/** The first half of the transform of a real tensor: the other half is its mirror image. */
export function realFft<T extends Value>(x: T, axis: number, forward: boolean, scale: number): T {
  const n = x.shape[axis]!;
  return slice(fft(asComplexValue(x), axis, forward, scale), [axis], [0], [Math.floor(n / 2) + 1]);
}

/** The real transform of length n of a spectrum's first half, `n / 2 + 1` elements along an axis. */
export function toReal<T extends Value>(x: T, axis: number, n: number, forward: boolean, scale: number): T {
  const mirrored = Math.floor((n - 1) / 2);
  const rest = mirrored > 0 ? [conj(flip(slice(x, [axis], [1], [1 + mirrored]), [axis]))] : [];
  return real(fft(concat([x, ...rest], axis), axis, forward, scale));
}

/** Number of frames of `size` elements, `hop` apart, in n elements. */
export const frameCount = (n: number, size: number, hop: number): number =>
  n < 0 ? -1 : 1 + Math.floor((n - size) / hop);

/** `out[…, j, f] = x[…, f hop + j]`: overlapping parts of the last axis as columns. */
export const frameOp = defineOp({
  name: "frame",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { size: fixed(1), hop: integers([1]) },
  infer: ({ x }, { size, hop }) => {
    const n = x.shape.at(-1)!;
    if (n >= 0 && size > n)
      throw new InvalidArgumentError(`frames of ${size} are longer than the signal, ${formatShape(x.shape)}.`, {
        op: "frame",
      });
    return { outs: { out: { shape: [...x.shape.slice(0, -1), size, frameCount(n, size, hop[0]!)], dtype: x.dtype } } };
  },
  element: (_, { x }, { hop }, index) =>
    x.at(...index.slice(0, -2), k.add(k.mul(index.at(-1)!, hop[0]!), index.at(-2)!)),
  grad: (_, d, { attrs, meta }) => ({ x: () => overlapAddLike(d.out, meta.x, attrs.hop) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [5], data: [1, 2, 3, 4, 5] }],
        attrs: { size: 3, hop: [1] },
        expect: () => ({ shape: [3, 3], data: [1, 2, 3, 2, 3, 4, 3, 4, 5] }),
      },
      { inputs: [[2, 11]], attrs: { size: 4, hop: [3] } },
    ],
  },
});

/** Sums of overlapping columns into the last axis, as many elements as `like` has there. */
export const overlapAddLikeOp = defineOp({
  name: "overlap_add_like",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: { hop: integers([1]) },
  infer: ({ x, like }) => ({ outs: { out: { shape: [...x.shape.slice(0, -2), like.shape.at(-1)!], dtype: x.dtype } } }),
  kernel: (b, { x }, { out }, { hop }) => overlap(b, x, out, hop[0]!),
  ghosts: ["like"],
  grad: (_, d, { attrs, meta }) => ({
    x: () => frame(d.out, meta.x.shape.at(-2)!, attrs.hop[0]!),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [1, 2, 3, 4] }, [5]],
        attrs: { hop: [2] },
        expect: () => ({ shape: [5], data: [1, 3, 2, 4, 0] }),
      },
    ],
  },
});

const overlapAddLike = (x: Value, like: Value, hop: readonly number[]): Value =>
  bind1(overlapAddLikeOp, [x, like], { hop });

/** Each element of the result gathers the columns that reach it. */
function overlap(b: KernelContext, x: Ref, out: OutRef, hop: Expr): void {
  const [size, frames] = [x.extent(x.rank - 2), x.extent(x.rank - 1)];
  const n = out.extent(out.rank - 1);
  overAll(b, out.size, (position) => {
    const [row, at] = [b.let(k.divIndex(position, n)), b.let(k.remIndex(position, n))];
    const first = k.divIndex(k.add(k.max(k.sub(k.add(at, 1), size), 0), k.sub(hop, 1)), hop);
    const end = k.min(frames, k.add(k.divIndex(at, hop), 1));
    const sum = b.variable(constant(out.type, 0), "sum");
    b.for(b.let(first), b.let(end), (f) => {
      const j = k.sub(at, k.mul(f, hop));
      b.set(sum, k.add(sum.value, x.flat(k.add(k.mul(k.add(k.mul(row, size), j), frames), f))));
    });
    out.setFlat(position, sum.value);
  });
}

/** `out[…, i] = Σ x[…, i - f hop, f]`: columns added up where they overlap. */
export const overlapAddOp = defineOp({
  name: "overlap_add",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { hop: integers([1]) },
  infer: ({ x }, { hop }) => {
    requireNumbers(x, "overlap_add");
    const [size, frames] = [x.shape.at(-2)!, x.shape.at(-1)!];
    const n = size < 0 || frames < 0 ? -1 : (frames - 1) * hop[0]! + size;
    return { outs: { out: { shape: [...x.shape.slice(0, -2), n], dtype: x.dtype } } };
  },
  kernel: (b, { x }, { out }, { hop }) => overlap(b, x, out, hop[0]!),
  grad: (_, d, { attrs, meta }) => ({
    x: () => frame(d.out, meta.x.shape.at(-2)!, attrs.hop[0]!),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [3, 2], data: [1, 2, 3, 4, 5, 6] }],
        attrs: { hop: [2] },
        expect: () => ({ shape: [5], data: [1, 3, 7, 4, 6] }),
      },
      { inputs: [[2, 4, 5]], attrs: { hop: [1] } },
    ],
  },
});

/** Overlapping parts of the last axis, `[…, size, frames]`. */
export const frame = <T extends Value>(x: T, size: number, hop: number): T =>
  bind1(frameOp, [x], { size, hop: [hop] }) as T;

/** Columns `[…, size, frames]` added up where they overlap. */
export const overlapAdd = <T extends Value>(x: T, hop: number): T => bind1(overlapAddOp, [x], { hop: [hop] }) as T;
