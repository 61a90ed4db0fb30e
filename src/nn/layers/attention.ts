// MultiHeadAttention, with the caches of incremental decoding.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { add, scale } from "../../ops/arithmetic.js";
import { concat } from "../../ops/concat.js";
import { full } from "../../ops/creation.js";
import { matmul } from "../../ops/matmul.js";
import { swapAxes } from "../../ops/movement.js";
import { softmax } from "../../ops/softmax.js";
import { flatten, reshape } from "../../ops/views.js";
import type { AttrLike } from "../../param/param-attr.js";
import type { Tensor } from "../../tensor/tensor.js";
import { attend, layerMask, wholeMask } from "../functional/attention.js";
import { dropout } from "../functional/dropout.js";
import { Layer } from "../layer.js";
import { pythonName } from "../names.js";
import { Linear } from "./linear.js";

/** Keys and values of the tokens so far, `[batch, heads, tokens, size]`; each call adds its own. */
export class Cache {
  constructor(
    readonly k: Tensor,
    readonly v: Tensor,
  ) {}
}

/** Keys and values that stay the same from call to call, `[batch, heads, tokens, size]`. */
export class StaticCache {
  constructor(
    readonly k: Tensor,
    readonly v: Tensor,
  ) {}
}

/** Options of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionOptions<W extends boolean = boolean> {
  /** Probability of dropping a weight while training. Default 0. */
  readonly dropout?: number | undefined;
  /** Features of the key; by default embedDim. */
  readonly kdim?: number | null | undefined;
  /** Features of the value; by default embedDim. */
  readonly vdim?: number | null | undefined;
  /** Whether the weights are returned too. */
  readonly needWeights?: W | undefined;
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** False: no biases. */
  readonly biasAttr?: AttrLike;
}

/** What {@link MultiHeadAttention} may be called with beside the query. */
export interface MultiHeadAttentionInputs {
  /** By default the query. */
  readonly key?: Tensor | null | undefined;
  /** By default the query. */
  readonly value?: Tensor | null | undefined;
  /** Broadcast to `[batch, heads, queries, keys]`: truth values (or 0 and 1), or numbers to add. */
  readonly attnMask?: Tensor | null | undefined;
  readonly cache?: Cache | StaticCache | null | undefined;
}

/** What a call gives: the output; a list of it and the weights where those are asked for; and with a cache the grown one at the end. */
export type AttentionResult<W extends boolean> = W extends true ? [out: Tensor, weights: Tensor] : Tensor;

/** {@link AttentionResult} of a call with a cache. */
export type CachedResult<W extends boolean> = W extends true
  ? [out: Tensor, weights: Tensor, cache: Cache | StaticCache]
  : [out: Tensor, cache: Cache | StaticCache];

/** What `genCache` may take beside the key. */
export interface GenCacheOptions<C> {
  readonly value?: Tensor | null | undefined;
  /** `MultiHeadAttention.Cache` (default) or `MultiHeadAttention.StaticCache`. */
  readonly type?: (new (k: Tensor, v: Tensor) => C) | undefined;
}

/**
 * Attention of several heads between linear maps: `[batch, queries, embedDim]` to the same shape.
 *
 * @throws InvalidArgumentError for sizes below 1, and an embedDim that the heads do not divide.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const attention = new nn.MultiHeadAttention(128, 2);
 * console.log(attention(randn([2, 4, 128])).shape); // [2, 4, 128]
 * ```
 */
export class MultiHeadAttention<W extends boolean = false> extends Layer {
  static readonly Cache = Cache;
  static readonly StaticCache = StaticCache;
  readonly embedDim: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly numHeads: number;
  readonly headDim: number;
  readonly dropout: number;
  readonly needWeights: boolean;
  qProj: Linear;
  kProj: Linear;
  vProj: Linear;
  outProj: Linear;

  constructor(embedDim: number, numHeads: number, ...rest: Trailing<number, MultiHeadAttentionOptions<W>>) {
    super(new.target === MultiHeadAttention ? "multi_head_attention" : null);
    const keys = ["dropout", "kdim", "vdim", "needWeights", "weightAttr", "paramAttr", "biasAttr"] as const;
    const o = splitOptions<MultiHeadAttentionOptions<W>>("MultiHeadAttention", rest, keys);
    for (const [name, n] of Object.entries({ embedDim, numHeads })) {
      if (!Number.isInteger(n) || n < 1)
        throw new InvalidArgumentError(`${name} must be above 0, got ${n}.`, { op: "MultiHeadAttention" });
    }
    if (embedDim % numHeads !== 0) {
      throw new InvalidArgumentError(`embedDim (${embedDim}) must be divisible by numHeads (${numHeads}).`, {
        op: "MultiHeadAttention",
      });
    }
    this.embedDim = embedDim;
    this.kdim = o.kdim ?? embedDim;
    this.vdim = o.vdim ?? embedDim;
    this.numHeads = numHeads;
    this.headDim = embedDim / numHeads;
    this.dropout = o.dropout ?? 0;
    this.needWeights = o.needWeights ?? false;
    const attrs = { weightAttr: o.weightAttr, paramAttr: o.paramAttr, biasAttr: o.biasAttr };
    this.qProj = new Linear(embedDim, embedDim, attrs);
    this.kProj = new Linear(this.kdim, embedDim, attrs);
    this.vProj = new Linear(this.vdim, embedDim, attrs);
    this.outProj = new Linear(embedDim, embedDim, attrs);
  }

  protected override stateKey(field: string): string {
    return pythonName(field);
  }

  /** `[batch, tokens, features]` as `[batch, tokens, heads, size]`. */
  private byHeads(x: Tensor): Tensor {
    return reshape(x, [0, 0, this.numHeads, this.headDim]);
  }

  /** Keys and values of the heads, `[batch, heads, tokens, size]`. */
  computeKv(key: Tensor, value: Tensor): [Tensor, Tensor] {
    return [swapAxes(this.byHeads(this.kProj(key)), 1, 2), swapAxes(this.byHeads(this.vProj(value)), 1, 2)];
  }

  /**
   * A cache for `forward`: empty for the batch of `key`, one that holds `key` and `value` as they are, or (StaticCache) their projections.
   */
  genCache<C extends Cache | StaticCache = Cache>(
    key: Tensor,
    ...rest: Trailing<Tensor | null, GenCacheOptions<C>>
  ): C {
    const { value, type = Cache } = splitOptions<GenCacheOptions<Cache | StaticCache>>("genCache", rest, [
      "value",
      "type",
    ]);
    if (type === StaticCache) return new type(...this.computeKv(key, value ?? key)) as C;
    if (value) return new type(key, value) as C;
    const empty = (): Tensor => full([key.shape[0]!, this.numHeads, 0, this.headDim], 0, key.dtype) as Tensor;
    return new type(empty(), empty()) as C;
  }

  /** Keys and values by heads, `[batch, tokens, heads, size]`, and the cache with this call's. */
  private keysAndValues(key: Tensor, value: Tensor, cache: Cache | StaticCache | null | undefined) {
    if (!cache) return { key: this.byHeads(this.kProj(key)), value: this.byHeads(this.vProj(value)), cache };
    let grown: Cache | StaticCache = cache;
    if (cache instanceof Cache) {
      const [k, v] = this.computeKv(key, value);
      grown = cache.k.shape[2] === 0 ? new Cache(k, v) : new Cache(concat([cache.k, k], 2), concat([cache.v, v], 2));
    }
    return { key: swapAxes(grown.k, 1, 2), value: swapAxes(grown.v, 1, 2), cache: grown };
  }

  override forward(
    query: Tensor,
    inputs: MultiHeadAttentionInputs & { readonly cache: Cache | StaticCache },
  ): CachedResult<W>;
  override forward(query: Tensor, ...rest: Trailing<Tensor | null, MultiHeadAttentionInputs>): AttentionResult<W>;
  override forward(query: Tensor, ...rest: Trailing<Tensor | null, MultiHeadAttentionInputs>): unknown {
    const o = splitOptions<MultiHeadAttentionInputs>("MultiHeadAttention", rest, ["key", "value", "attnMask", "cache"]);
    const q = this.byHeads(this.qProj(query));
    const { key, value, cache } = this.keysAndValues(o.key ?? query, o.value ?? query, o.cache);
    const mask = o.attnMask ? wholeMask(layerMask(o.attnMask, q), key) : undefined;
    const drop = this.training ? this.dropout : 0;
    const outs: unknown[] = [];
    if (this.needWeights) {
      const weights = this.weights(q, key, mask, drop);
      outs.push(this.outProj(flatten(swapAxes(matmul(weights, swapAxes(value, 1, 2)), 1, 2), 2, 3)), weights);
    } else {
      const scale = this.headDim ** -0.5;
      const heads = attend({ q, key, value, mask }, { scale, causal: false, dropout: drop });
      outs.push(this.outProj(flatten(heads, 2, 3)));
    }
    if (cache) outs.push(cache);
    return outs.length === 1 ? outs[0] : outs;
  }

  /** The weights as a whole, for those who ask for them. */
  private weights(q: Tensor, key: Tensor, mask: Tensor | undefined, drop: number): Tensor {
    const product = matmul(scale(swapAxes(q, 1, 2), this.headDim ** -0.5), swapAxes(key, 1, 2), false, true);
    const weights = softmax(mask ? add(product, mask) : product, -1);
    return drop > 0 ? dropout(weights, drop) : weights;
  }
}
