// Layers of transformers: one of an encoder, one of a decoder (Vaswani et al., 2017), with normalisation before or after.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { add } from "../../ops/arithmetic.js";
import { type AttrLike, ParamAttr, type ParamAttrOptions, toParamAttr } from "../../param/param-attr.js";
import type { Tensor } from "../../tensor/tensor.js";
import * as activations from "../functional/activation.js";
import { layerMask } from "../functional/attention.js";
import { Layer } from "../layer.js";
import { pythonName } from "../names.js";
import { Cache, MultiHeadAttention, StaticCache } from "./attention.js";
import { Dropout } from "./dropout.js";
import { Linear } from "./linear.js";
import { LayerNorm } from "./norm.js";

/** Options of {@link TransformerEncoderLayer} and {@link TransformerDecoderLayer}. */
export interface TransformerLayerOptions {
  /** Probability of dropping what is added to the residual, default 0.1. */
  readonly dropout?: number | undefined;
  /** The name of a function of `nn.functional`, default "relu". */
  readonly activation?: string | undefined;
  /** Probability of dropping attention weights; by default `dropout`. */
  readonly attnDropout?: number | null | undefined;
  /** Probability of dropping after the activation; by default `dropout`. */
  readonly actDropout?: number | null | undefined;
  /** Whether each part normalises its input; by default it normalises the sum with the residual. */
  readonly normalizeBefore?: boolean | undefined;
  /** One attribute for all weights, or a list: one for each attention, one for the feed-forward part. */
  readonly weightAttr?: AttrLike | readonly AttrLike[];
  /** As weightAttr; false: no biases. */
  readonly biasAttr?: AttrLike | readonly AttrLike[];
  readonly layerNormEps?: number | undefined;
}

/** Keys of {@link TransformerLayerOptions} in Paddle's order. */
export const transformerKeys = [
  "dropout",
  "activation",
  "attnDropout",
  "actDropout",
  "normalizeBefore",
  "weightAttr",
  "biasAttr",
  "layerNormEps",
] as const;

type Activation = (x: Tensor) => Tensor;

/** A function of `nn.functional` by Paddle's name. Throws InvalidArgument where there is none. */
function activationOf(name: string, op: string): Activation {
  const own = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const found: unknown = Object.hasOwn(activations, own) ? Reflect.get(activations, own) : undefined;
  if (typeof found === "function") return found as Activation;
  throw new InvalidArgumentError(`there is no activation "${name}".`, { op });
}

/** One attribute for each part; a single one with a name gives `name_0`, `name_1` …, as in Paddle. */
function attrsOf(attr: AttrLike | readonly AttrLike[], n: number, op: string): AttrLike[] {
  if (Array.isArray(attr)) {
    if (attr.length === n) return [...(attr as readonly AttrLike[])];
    throw new InvalidArgumentError(`there are ${attr.length} attributes for ${n} parts.`, { op });
  }
  const one = toParamAttr(attr as AttrLike, op);
  if (one === false || one.name === undefined) return Array.from({ length: n }, () => one);
  const settings = Object.fromEntries([...one.given].map((key) => [key, one[key]])) as ParamAttrOptions;
  return Array.from({ length: n }, (_, i) => new ParamAttr({ ...settings, name: `${one.name}_${i}` }));
}

function requireSizes(op: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(sizes))
    if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError(`${name} must be above 0, got ${n}.`, { op });
}

type LayerSettings = readonly [dModel: number, nhead: number, dimFeedforward: number, options: TransformerLayerOptions];

/** Calls a layer, hooks and all, with a cache among its inputs: it gives its output and the grown cache. */
export const withCache = <C>(layer: Layer, ...args: readonly unknown[]): [out: Tensor, cache: C] =>
  Reflect.apply(layer, undefined, args) as [Tensor, C];

/** What both layers have: their settings, the feed-forward part, and sums with residuals. */
abstract class TransformerLayer extends Layer {
  readonly normalizeBefore: boolean;
  /** The arguments it was made with, for layers like it. */
  readonly #settings: LayerSettings;
  protected readonly activate: Activation;

  constructor(
    scope: string | null,
    sizes: readonly [dModel: number, nhead: number, dimFeedforward: number],
    o: TransformerLayerOptions,
  ) {
    super(scope);
    const [dModel, nhead, dimFeedforward] = sizes;
    requireSizes(this.fullName(), { dModel, nhead, dimFeedforward });
    this.normalizeBefore = o.normalizeBefore ?? false;
    this.#settings = [...sizes, o];
    this.activate = activationOf(o.activation ?? "relu", this.fullName());
  }

  protected override stateKey(field: string): string {
    return pythonName(field);
  }

  /** Another layer of the same class and settings, with parameters of its own. */
  another(): this {
    const make = this.constructor as new (...args: LayerSettings) => this;
    return new make(...this.#settings);
  }

  /** A part of the layer with its normalisation and residual. */
  protected part(x: Tensor, norm: LayerNorm, dropout: Dropout, body: (x: Tensor) => Tensor): Tensor {
    const sum = add(x, dropout(body(this.normalizeBefore ? norm(x) : x)));
    return this.normalizeBefore ? sum : norm(sum);
  }
}

/** What {@link TransformerEncoderLayer} may be called with beside its input. */
export interface EncoderLayerInputs {
  /** Broadcast to `[batch, heads, tokens, tokens]`: truth values, or numbers to add. */
  readonly srcMask?: Tensor | null | undefined;
  readonly cache?: Cache | null | undefined;
}

/**
 * A layer of an encoder: attention of all tokens to all, then two linear maps on each token, each part added to its input and normalised.
 *
 * @throws InvalidArgumentError for sizes below 1, heads that do not divide dModel, unknown activations.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const layer = new nn.TransformerEncoderLayer(128, 2, 512);
 * console.log(layer(randn([2, 4, 128])).shape); // [2, 4, 128]
 * ```
 */
export class TransformerEncoderLayer extends TransformerLayer {
  selfAttn: MultiHeadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;

  constructor(
    dModel: number,
    nhead: number,
    dimFeedforward: number,
    ...rest: Trailing<number, TransformerLayerOptions>
  ) {
    const name = "TransformerEncoderLayer";
    const o = splitOptions<TransformerLayerOptions>(name, rest, transformerKeys);
    super(
      new.target === TransformerEncoderLayer ? "transformer_encoder_layer" : null,
      [dModel, nhead, dimFeedforward],
      o,
    );
    const { dropout = 0.1, layerNormEps: epsilon = 1e-5 } = o;
    const [weights, biases] = [attrsOf(o.weightAttr, 2, name), attrsOf(o.biasAttr, 2, name)];
    const attrs = [0, 1].map((i) => ({ weightAttr: weights[i], biasAttr: biases[i] }));
    this.selfAttn = new MultiHeadAttention(dModel, nhead, { dropout: o.attnDropout ?? dropout, ...attrs[0] });
    this.linear1 = new Linear(dModel, dimFeedforward, attrs[1]);
    this.dropout = new Dropout(o.actDropout ?? dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, attrs[1]);
    this.norm1 = new LayerNorm(dModel, { epsilon });
    this.norm2 = new LayerNorm(dModel, { epsilon });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  override forward(src: Tensor, inputs: EncoderLayerInputs & { readonly cache: Cache }): [Tensor, Cache];
  override forward(src: Tensor, ...rest: Trailing<Tensor | null, EncoderLayerInputs>): Tensor;
  override forward(src: Tensor, ...rest: Trailing<Tensor | null, EncoderLayerInputs>): Tensor | [Tensor, Cache] {
    const o = splitOptions<EncoderLayerInputs>("TransformerEncoderLayer", rest, ["srcMask", "cache"]);
    const attnMask = o.srcMask ? layerMask(o.srcMask, src) : undefined;
    let cache: Cache | undefined;
    const attended = this.part(src, this.norm1, this.dropout1, (x) => {
      const inputs = { key: x, value: x, attnMask };
      if (!o.cache) return this.selfAttn(x, inputs);
      const [out, grown] = withCache<Cache>(this.selfAttn, x, { ...inputs, cache: o.cache });
      cache = grown;
      return out;
    });
    const out = this.part(attended, this.norm2, this.dropout2, (x) =>
      this.linear2(this.dropout(this.activate(this.linear1(x)))),
    );
    return cache ? [out, cache] : out;
  }

  /** An empty cache for the batch of `src`. */
  genCache(src: Tensor): Cache {
    return this.selfAttn.genCache(src, { type: Cache });
  }
}

/** The caches of a decoder's layer: of its own tokens, and of the memory. */
export type DecoderCache = readonly [own: Cache, memory: StaticCache];

/** What {@link TransformerDecoderLayer} may be called with beside its input and the memory. */
export interface DecoderLayerInputs {
  /** Broadcast to `[batch, heads, tokens, tokens]`: truth values, or numbers to add. */
  readonly tgtMask?: Tensor | null | undefined;
  /** Broadcast to `[batch, heads, tokens, memory]`. */
  readonly memoryMask?: Tensor | null | undefined;
  readonly cache?: DecoderCache | null | undefined;
}

/**
 * A layer of a decoder: attention of tokens to each other, attention to the encoder's output, then two linear maps on each token.
 *
 * @throws InvalidArgumentError for sizes below 1, heads that do not divide dModel, unknown activations.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const layer = new nn.TransformerDecoderLayer(128, 2, 512);
 * console.log(layer(randn([2, 4, 128]), randn([2, 6, 128])).shape); // [2, 4, 128]
 * ```
 */
export class TransformerDecoderLayer extends TransformerLayer {
  selfAttn: MultiHeadAttention;
  crossAttn: MultiHeadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;

  constructor(
    dModel: number,
    nhead: number,
    dimFeedforward: number,
    ...rest: Trailing<number, TransformerLayerOptions>
  ) {
    const name = "TransformerDecoderLayer";
    const o = splitOptions<TransformerLayerOptions>(name, rest, transformerKeys);
    super(
      new.target === TransformerDecoderLayer ? "transformer_decoder_layer" : null,
      [dModel, nhead, dimFeedforward],
      o,
    );
    const { dropout = 0.1, layerNormEps: epsilon = 1e-5 } = o;
    const [weights, biases] = [attrsOf(o.weightAttr, 3, name), attrsOf(o.biasAttr, 3, name)];
    const attrs = [0, 1, 2].map((i) => ({ weightAttr: weights[i], biasAttr: biases[i] }));
    const attnDropout = o.attnDropout ?? dropout;
    this.selfAttn = new MultiHeadAttention(dModel, nhead, { dropout: attnDropout, ...attrs[0] });
    this.crossAttn = new MultiHeadAttention(dModel, nhead, { dropout: attnDropout, ...attrs[1] });
    this.linear1 = new Linear(dModel, dimFeedforward, attrs[2]);
    this.dropout = new Dropout(o.actDropout ?? dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, attrs[2]);
    this.norm1 = new LayerNorm(dModel, { epsilon });
    this.norm2 = new LayerNorm(dModel, { epsilon });
    this.norm3 = new LayerNorm(dModel, { epsilon });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
  }

  override forward(
    tgt: Tensor,
    memory: Tensor,
    inputs: DecoderLayerInputs & { readonly cache: DecoderCache },
  ): [Tensor, DecoderCache];
  override forward(tgt: Tensor, memory: Tensor, ...rest: Trailing<Tensor | null, DecoderLayerInputs>): Tensor;
  override forward(
    tgt: Tensor,
    memory: Tensor,
    ...rest: Trailing<Tensor | null, DecoderLayerInputs>
  ): Tensor | [Tensor, DecoderCache] {
    const o = splitOptions<DecoderLayerInputs>("TransformerDecoderLayer", rest, ["tgtMask", "memoryMask", "cache"]);
    const caches: (Cache | StaticCache)[] = [];
    const attend = (
      attention: MultiHeadAttention,
      x: Tensor,
      key: Tensor,
      mask: Tensor | null | undefined,
      at: 0 | 1,
    ) => {
      const cache = o.cache?.[at];
      const attnMask = mask ? layerMask(mask, x) : undefined;
      const inputs = { key, value: key, attnMask };
      if (!cache) return attention(x, inputs);
      const [out, grown] = withCache<Cache | StaticCache>(attention, x, { ...inputs, cache });
      caches.push(grown);
      return out;
    };
    const own = this.part(tgt, this.norm1, this.dropout1, (x) => attend(this.selfAttn, x, x, o.tgtMask, 0));
    const seen = this.part(own, this.norm2, this.dropout2, (x) => attend(this.crossAttn, x, memory, o.memoryMask, 1));
    const out = this.part(seen, this.norm3, this.dropout3, (x) =>
      this.linear2(this.dropout(this.activate(this.linear1(x)))),
    );
    return o.cache ? [out, [caches[0] as Cache, caches[1] as StaticCache]] : out;
  }

  /** Caches for the batch of `memory`: an empty one, and the memory's keys and values. */
  genCache(memory: Tensor): DecoderCache {
    const own = this.selfAttn.genCache(memory, { type: Cache });
    return [own, this.crossAttn.genCache(memory, { value: memory, type: StaticCache })];
  }
}
