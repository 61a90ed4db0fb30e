// Functional attention: softmax(scale q kᵀ + mask) v over several heads.

import { isInt } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { add, scale as scaled } from "../../ops/arithmetic.js";
import { attention, attentionKeep } from "../../ops/attention.js";
import { expand } from "../../ops/broadcast.js";
import { cast } from "../../ops/cast.js";
import { full } from "../../ops/creation.js";
import { where } from "../../ops/logic.js";
import { dropoutGenerator } from "../../ops/random-state.js";
import { squeeze, unsqueeze } from "../../ops/views.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Options of {@link scaledDotProductAttention}. */
export interface AttentionOptions {
  /**
   * Broadcast to `[batch, heads, queries, keys]`: bool (true: the key is seen), or numbers that are added to the scores. Not used with
   * `isCausal`.
   */
  readonly attnMask?: Tensor | null | undefined;
  /** Probability of dropping a weight. Default 0. */
  readonly dropoutP?: number | undefined;
  /** Each query sees the keys up to its own place. Default false. */
  readonly isCausal?: boolean | undefined;
  /** False: no weight is dropped. Default true. */
  readonly training?: boolean | undefined;
  /** Accepted for Paddle's sake; there is one implementation. */
  readonly backend?: string | null | undefined;
  /** What scores are multiplied by. Default `1 / √size`. */
  readonly scale?: number | null | undefined;
  /** Whether key and value may have fewer heads than query, each serving several. Default true. */
  readonly enableGqa?: boolean | undefined;
  readonly name?: string | null | undefined;
}

const keys = ["attnMask", "dropoutP", "isCausal", "training", "backend", "scale", "enableGqa", "name"] as const;
const op = "scaled_dot_product_attention";

/**
 * `softmax(query keyᵀ / √size + mask) value` for each head, without keeping the scores.
 *
 * @param query `[batch, queries, heads, size]`, or without the batch; key and value `[batch, keys, heads, size]`
 * @returns `[batch, queries, heads, size of value]`
 * @throws InvalidArgumentError for shapes or dtypes that do not go together, and dropoutP outside [0, 1].
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const x = randn([1, 128, 2, 16]);
 * console.log(nn.functional.scaledDotProductAttention(x, x, x, { isCausal: true }).shape); // [1, 128, 2, 16]
 * ```
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  ...rest: Trailing<Tensor | null, AttentionOptions>
): Tensor {
  const o = splitOptions<AttentionOptions>(op, rest, keys);
  const { dropoutP = 0, isCausal = false, training = true, enableGqa = true } = o;
  if (!(dropoutP >= 0 && dropoutP <= 1))
    throw new InvalidArgumentError(`dropoutP must be from 0 to 1, got ${dropoutP}.`, { op });
  if (query.shape.length === 3) {
    const one = [query, key, value].map((x) => unsqueeze(x, [0])) as [Tensor, Tensor, Tensor];
    return squeeze(scaledDotProductAttention(...one, o), [0]);
  }
  if (!enableGqa && query.shape[2] !== key.shape[2])
    throw new InvalidArgumentError(`query has ${query.shape[2]} heads, key ${key.shape[2]}.`, { op });
  const scale = o.scale ?? 1 / Math.sqrt(query.shape[3] ?? 1);
  const mask = o.attnMask && !isCausal ? scoreMask(o.attnMask, query, key) : undefined;
  return attend({ q: query, key, value, mask }, { scale, causal: isCausal, dropout: training ? dropoutP : 0 });
}

/** A mask of truth values or numbers as numbers to add, of rank 4 and as many columns as there are keys. */
function scoreMask(given: Tensor, query: Tensor, key: Tensor): Tensor {
  const { dtype } = query;
  const mask =
    given.dtype === "bool"
      ? (where(given, full([], 0, dtype), full([], -Infinity, dtype)) as Tensor)
      : cast(given, dtype);
  return wholeMask(mask, key);
}

/** A mask of rank 4 and as many columns as there are keys. */
export function wholeMask(mask: Tensor, key: Tensor): Tensor {
  const { shape } = mask;
  if (shape.length > 4)
    throw new InvalidArgumentError(`the mask is ${formatShape(shape)} and must have at most 4 axes.`, { op });
  const ranked =
    shape.length === 4
      ? mask
      : unsqueeze(
          mask,
          Array.from({ length: 4 - shape.length }, (_, i) => i),
        );
  const columns = key.shape[1]!;
  return ranked.shape[3] === 1 && columns !== 1 ? expand(ranked, [...ranked.shape.slice(0, 3), columns]) : ranked;
}

/** How {@link attend} runs. */
export interface AttendOptions {
  readonly scale: number;
  readonly causal: boolean;
  /** Probability of dropping a weight; 0 draws nothing. */
  readonly dropout: number;
}

/** Attention with an additive mask of rank 4. */
export function attend(
  x: { readonly q: Tensor; readonly key: Tensor; readonly value: Tensor; readonly mask: Tensor | undefined },
  { scale, causal, dropout }: AttendOptions,
): Tensor {
  const p = Math.fround(dropout);
  const keep = p > 0 && p < 1 ? attentionKeep(x.q, x.key, dropoutGenerator(op), p) : undefined;
  const out = attention(
    { q: x.q, key: x.key, value: x.value, mask: x.mask, keep },
    { scale, divisor: keep ? Math.fround(1 - p) : 1, causal },
  );
  return p === 1 ? scaled(out, 0) : out;
}

/** Paddle's layers' masks: truth values and integers become 0 where true and -10⁹ where false; numbers are added as they are. */
export function layerMask(mask: Tensor, like: Tensor): Tensor {
  if (mask.dtype !== "bool" && !isInt(mask.dtype)) return cast(mask, like.dtype);
  return scaled(add<Tensor>(cast(mask, like.dtype), -1), 1e9);
}
