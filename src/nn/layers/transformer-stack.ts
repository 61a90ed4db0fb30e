// TransformerEncoder, TransformerDecoder and Transformer: stacks of layers, and the two stacks together.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { getDefaultDtype } from "../../core/promotion.js";
import { full } from "../../ops/creation.js";
import { triu } from "../../ops/triangle.js";
import type { AttrLike } from "../../param/param-attr.js";
import type { Tensor } from "../../tensor/tensor.js";
import { LayerList } from "../containers.js";
import { layerMask } from "../functional/attention.js";
import { Layer } from "../layer.js";
import { pythonName } from "../names.js";
import type { Cache, StaticCache } from "./attention.js";
import { LayerNorm } from "./norm.js";
import {
  type DecoderCache,
  type DecoderLayerInputs,
  type EncoderLayerInputs,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
  transformerKeys,
  withCache,
} from "./transformer.js";

/** Options of {@link TransformerEncoder} and {@link TransformerDecoder}. */
export interface TransformerStackOptions {
  /** Normalises the last layer's output. */
  readonly norm?: Layer | null | undefined;
}

/** `first` and more layers like it. */
function layersLike<L extends Layer & { another(): L }>(first: L, numLayers: number, op: string): LayerList<L> {
  if (!Number.isInteger(numLayers) || numLayers < 1)
    throw new InvalidArgumentError(`numLayers must be above 0, got ${numLayers}.`, { op });
  return new LayerList(Array.from({ length: numLayers }, (_, i) => (i === 0 ? first : first.another())));
}

/** What {@link TransformerEncoder} may be called with beside its input. */
export interface EncoderInputs extends Omit<EncoderLayerInputs, "cache"> {
  /** One for each layer. */
  readonly cache?: readonly Cache[] | null | undefined;
}

/**
 * Layers of an encoder one after another: the one given and others with its settings.
 *
 * @throws InvalidArgumentError for fewer than one layer.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(128, 2, 512), 2);
 * console.log(encoder(randn([2, 4, 128])).shape); // [2, 4, 128]
 * ```
 */
export class TransformerEncoder extends Layer {
  layers: LayerList<TransformerEncoderLayer>;
  norm: Layer | null;
  readonly numLayers: number;

  constructor(
    encoderLayer: TransformerEncoderLayer,
    numLayers: number,
    ...rest: Trailing<Layer | null, TransformerStackOptions>
  ) {
    super(new.target === TransformerEncoder ? "transformer_encoder" : null);
    const o = splitOptions<TransformerStackOptions>("TransformerEncoder", rest, ["norm"]);
    this.layers = layersLike(encoderLayer, numLayers, "TransformerEncoder");
    this.norm = o.norm ?? null;
    this.numLayers = numLayers;
  }

  override forward(src: Tensor, inputs: EncoderInputs & { readonly cache: readonly Cache[] }): [Tensor, Cache[]];
  override forward(src: Tensor, ...rest: Trailing<Tensor | null, EncoderInputs>): Tensor;
  override forward(src: Tensor, ...rest: Trailing<Tensor | null, EncoderInputs>): Tensor | [Tensor, Cache[]] {
    const o = splitOptions<EncoderInputs>("TransformerEncoder", rest, ["srcMask", "cache"]);
    const srcMask = o.srcMask ? layerMask(o.srcMask, src) : undefined;
    const caches: Cache[] = [];
    let out = src;
    [...this.layers].forEach((layer, i) => {
      if (!o.cache) out = layer(out, { srcMask });
      else [out, caches[i]] = withCache<Cache>(layer, out, { srcMask, cache: o.cache[i] });
    });
    if (this.norm) out = this.norm(out) as Tensor;
    return o.cache ? [out, caches] : out;
  }

  /** An empty cache for each layer. */
  genCache(src: Tensor): Cache[] {
    return [...this.layers].map((layer) => layer.genCache(src));
  }
}

/** What {@link TransformerDecoder} may be called with beside its input and the memory. */
export interface DecoderInputs extends Omit<DecoderLayerInputs, "cache"> {
  /** One pair for each layer. */
  readonly cache?: readonly DecoderCache[] | null | undefined;
}

/**
 * Layers of a decoder one after another: the one given and others with its settings.
 *
 * @throws InvalidArgumentError for fewer than one layer.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const decoder = new nn.TransformerDecoder(new nn.TransformerDecoderLayer(128, 2, 512), 2);
 * console.log(decoder(randn([2, 4, 128]), randn([2, 6, 128])).shape); // [2, 4, 128]
 * ```
 */
export class TransformerDecoder extends Layer {
  layers: LayerList<TransformerDecoderLayer>;
  norm: Layer | null;
  readonly numLayers: number;

  constructor(
    decoderLayer: TransformerDecoderLayer,
    numLayers: number,
    ...rest: Trailing<Layer | null, TransformerStackOptions>
  ) {
    super(new.target === TransformerDecoder ? "transformer_decoder" : null);
    const o = splitOptions<TransformerStackOptions>("TransformerDecoder", rest, ["norm"]);
    this.layers = layersLike(decoderLayer, numLayers, "TransformerDecoder");
    this.norm = o.norm ?? null;
    this.numLayers = numLayers;
  }

  override forward(
    tgt: Tensor,
    memory: Tensor,
    inputs: DecoderInputs & { readonly cache: readonly DecoderCache[] },
  ): [Tensor, DecoderCache[]];
  override forward(tgt: Tensor, memory: Tensor, ...rest: Trailing<Tensor | null, DecoderInputs>): Tensor;
  override forward(
    tgt: Tensor,
    memory: Tensor,
    ...rest: Trailing<Tensor | null, DecoderInputs>
  ): Tensor | [Tensor, DecoderCache[]] {
    const o = splitOptions<DecoderInputs>("TransformerDecoder", rest, ["tgtMask", "memoryMask", "cache"]);
    const tgtMask = o.tgtMask ? layerMask(o.tgtMask, tgt) : undefined;
    const memoryMask = o.memoryMask ? layerMask(o.memoryMask, memory) : undefined;
    const caches: DecoderCache[] = [];
    let out = tgt;
    [...this.layers].forEach((layer, i) => {
      const inputs = { tgtMask, memoryMask };
      if (!o.cache) out = layer(out, memory, inputs);
      else [out, caches[i]] = withCache<DecoderCache>(layer, out, memory, { ...inputs, cache: o.cache[i] });
    });
    if (this.norm) out = this.norm(out) as Tensor;
    return o.cache ? [out, caches] : out;
  }

  /** Caches for each layer; with `doZip` all own ones, then all of the memory. */
  genCache(memory: Tensor, ...rest: Trailing<boolean, { readonly doZip?: boolean | undefined }>) {
    const { doZip = false } = splitOptions<{ readonly doZip?: boolean | undefined }>("genCache", rest, ["doZip"]);
    const caches = [...this.layers].map((layer) => layer.genCache(memory));
    if (!doZip) return caches;
    return [caches.map(([own]) => own), caches.map(([, theirs]) => theirs)] as readonly (readonly (
      | Cache
      | StaticCache
    )[])[];
  }
}

/** Options of {@link Transformer}. */
export interface TransformerOptions extends Omit<TransformerLayerOptions, "layerNormEps"> {
  /** Features of a token, default 512. */
  readonly dModel?: number | undefined;
  /** Heads, default 8. */
  readonly nhead?: number | undefined;
  /** Default 6. */
  readonly numEncoderLayers?: number | undefined;
  /** Default 6. */
  readonly numDecoderLayers?: number | undefined;
  /** Default 2048. */
  readonly dimFeedforward?: number | undefined;
  readonly customEncoder?: Layer | null | undefined;
  readonly customDecoder?: Layer | null | undefined;
}

/** What {@link Transformer} may be called with beside its inputs. */
export interface TransformerInputs {
  readonly srcMask?: Tensor | null | undefined;
  readonly tgtMask?: Tensor | null | undefined;
  readonly memoryMask?: Tensor | null | undefined;
}

/** Attributes of an encoder's two and a decoder's three parts from a list of one, two or three. */
function split(attr: AttrLike | readonly AttrLike[], op: string) {
  if (!Array.isArray(attr)) return { encoder: attr, decoder: attr };
  const list = attr as readonly AttrLike[];
  if (list.length < 1 || list.length > 3)
    throw new InvalidArgumentError(`a list of attributes has one to three, got ${list.length}.`, { op });
  const [first, last] = [list[0], list[list.length - 1]];
  return { encoder: [first, last], decoder: list.length === 3 ? list : [first, first, last] };
}

const sizeKeys = ["dModel", "nhead", "numEncoderLayers", "numDecoderLayers", "dimFeedforward"] as const;
const keys = [...sizeKeys, ...transformerKeys.slice(0, 7), "customEncoder", "customDecoder"] as const;

/**
 * An encoder of the source and a decoder of the target that attends to it.
 *
 * @throws InvalidArgumentError for sizes below 1, heads that do not divide dModel, unknown activations, lists of attributes of a wrong length.
 * @example
 * ```ts
 * import { nn, randn } from "oarjs";
 * const net = new nn.Transformer({ dModel: 128, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 512 });
 * console.log(net(randn([2, 4, 128]), randn([2, 6, 128])).shape); // [2, 6, 128]
 * ```
 */
export class Transformer extends Layer {
  encoder: Layer;
  decoder: Layer;
  readonly dModel: number;
  readonly nhead: number;

  constructor(...rest: Trailing<number, TransformerOptions>) {
    super(new.target === Transformer ? "transformer" : null);
    const o = splitOptions<TransformerOptions>("Transformer", rest, keys as readonly (keyof TransformerOptions)[]);
    const { dModel = 512, nhead = 8, numEncoderLayers = 6, numDecoderLayers = 6, dimFeedforward = 2048 } = o;
    const [weights, biases] = [split(o.weightAttr, "Transformer"), split(o.biasAttr, "Transformer")];
    const { dropout, activation, attnDropout, actDropout, normalizeBefore } = o;
    const settings = { dropout, activation, attnDropout, actDropout, normalizeBefore };
    const attrs = (part: "encoder" | "decoder"): TransformerLayerOptions => ({
      ...settings,
      weightAttr: weights[part],
      biasAttr: biases[part],
    });
    this.encoder = o.customEncoder ?? makeEncoder([dModel, nhead, dimFeedforward], numEncoderLayers, attrs("encoder"));
    this.decoder = o.customDecoder ?? makeDecoder([dModel, nhead, dimFeedforward], numDecoderLayers, attrs("decoder"));
    this.dModel = dModel;
    this.nhead = nhead;
  }

  protected override stateKey(field: string): string {
    return pythonName(field);
  }

  override forward(src: Tensor, tgt: Tensor, ...rest: Trailing<Tensor | null, TransformerInputs>): Tensor {
    const o = splitOptions<TransformerInputs>("Transformer", rest, ["srcMask", "tgtMask", "memoryMask"]);
    const memory = this.encoder(src, { srcMask: o.srcMask ? layerMask(o.srcMask, src) : undefined }) as Tensor;
    const tgtMask = o.tgtMask ? layerMask(o.tgtMask, tgt) : undefined;
    const memoryMask = o.memoryMask ? layerMask(o.memoryMask, memory) : undefined;
    return this.decoder(tgt, memory, { tgtMask, memoryMask }) as Tensor;
  }

  /** A mask of `length` tokens of which each sees itself and those before: 0 there, -∞ behind. */
  generateSquareSubsequentMask(length: number): Tensor {
    return triu(full([length, length], -Infinity, getDefaultDtype()), 1) as Tensor;
  }
}

type Sizes = readonly [dModel: number, nhead: number, dimFeedforward: number];

function makeEncoder(sizes: Sizes, numLayers: number, o: TransformerLayerOptions): TransformerEncoder {
  const layer = new TransformerEncoderLayer(...sizes, o);
  return new TransformerEncoder(layer, numLayers, { norm: new LayerNorm(sizes[0]) });
}

function makeDecoder(sizes: Sizes, numLayers: number, o: TransformerLayerOptions): TransformerDecoder {
  const layer = new TransformerDecoderLayer(...sizes, o);
  return new TransformerDecoder(layer, numLayers, { norm: new LayerNorm(sizes[0]) });
}
