// Embedding: a trainable vector for each id.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { sizeOf } from "../../core/shape.js";
import { engine } from "../../device/engine.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import { storageOf } from "../../trace/eager.js";
import { embedding, paddingRow } from "../functional/embedding.js";
import { Layer } from "../layer.js";

/** Options of {@link Embedding}. */
export interface EmbeddingLayerOptions {
  /** The id whose vector is 0 and is not trained; negative ids count from the end. */
  readonly paddingIdx?: number | null | undefined;
  /** Vectors that are used and longer than this are scaled down to it first. */
  readonly maxNorm?: number | null | undefined;
  /** Which norm maxNorm means, 2 by default. */
  readonly normType?: number | undefined;
  /** Gradients name the rows that ids named, so that SGD and lazy Adam and AdamW touch no others; false by default. */
  readonly sparse?: boolean | undefined;
  /** Divides gradients by how often an id occurs; false by default. */
  readonly scaleGradByFreq?: boolean | undefined;
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

const keys = [
  "paddingIdx",
  "maxNorm",
  "normType",
  "sparse",
  "scaleGradByFreq",
  "weightAttr",
  "paramAttr",
  "name",
] as const;

/**
 * Rows of a table `[numEmbeddings, embeddingDim]`, one for each id; ids of any shape give `[…, embeddingDim]`.
 *
 * @throws InvalidArgumentError for sizes below 1 or a paddingIdx outside the table.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * const words = new nn.Embedding(10, 3, { paddingIdx: 0 });
 * console.log(words(toTensor([[1, 0], [2, 9]], { dtype: "int64" })).shape); // [2, 2, 3]
 * ```
 */
export class Embedding extends Layer {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  weight: Parameter;
  readonly #options: EmbeddingLayerOptions;

  constructor(numEmbeddings: number, embeddingDim: number, ...rest: Trailing<number | null, EmbeddingLayerOptions>) {
    super(new.target === Embedding ? "embedding" : null);
    const o = splitOptions<EmbeddingLayerOptions>("Embedding", rest, keys);
    for (const [name, n] of Object.entries({ numEmbeddings, embeddingDim })) {
      if (!Number.isInteger(n) || n < 1)
        throw new InvalidArgumentError(`${name} must be a positive integer, got ${n}.`, { op: "Embedding" });
    }
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, "Embedding");
    this.weight = this.requireParameter([numEmbeddings, embeddingDim], { attr });
    this.#options = o;
    const padding = paddingRow(o.paddingIdx, numEmbeddings);
    if (padding !== undefined) clearRow(this.weight, padding);
  }

  override forward(x: Tensor): Tensor {
    const { paddingIdx, maxNorm, normType, sparse, scaleGradByFreq } = this.#options;
    return embedding(x, this.weight, { paddingIdx, maxNorm, normType, sparse, scaleGradByFreq });
  }

  override extraRepr(): string {
    const { paddingIdx, sparse = false } = this.#options;
    const padding = paddingIdx === undefined || paddingIdx === null ? "" : `, padding_idx=${paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}, sparse=${sparse ? "True" : "False"}`;
  }
}

/** Zeroes the padding row, as Paddle's dynamic mode does. */
function clearRow(weight: Parameter, row: number): void {
  if (weight.symbol) return;
  const storage = storageOf(weight, "Embedding");
  const bytes = storage.bytes / weight.shape[0]!;
  const start = storage.address + row * bytes;
  if (sizeOf(weight.shape) > 0) engine().heap.views.u8.fill(0, start, start + bytes);
}
