// static.nn.embedding and static.nn.sparseEmbedding: look-up tables.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { checkOptions } from "../../core/options.js";
import { formatShape, type Shape } from "../../core/shape.js";
import { embedding as lookUp } from "../../nn/functional/embedding.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Tensor } from "../../tensor/tensor.js";
import { LayerHelper, requireTensor } from "../helper.js";

/** Options of {@link embedding}. */
export interface StaticEmbeddingOptions {
  /** The table's gradient is one of rows: SGD and lazy Adam and AdamW touch no row that no id names. Default false. */
  readonly isSparse?: boolean | undefined;
  /** Accepted for Paddle's sake. */
  readonly isDistributed?: boolean | undefined;
  /** The id whose row reads as 0 and gets no gradient; negative ids count from the end. Its row of the table stays as it is. */
  readonly paddingIdx?: number | null | undefined;
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  readonly dtype?: DType | undefined;
  readonly name?: string | null | undefined;
}

const keys = ["isSparse", "isDistributed", "paddingIdx", "paramAttr", "weightAttr", "dtype", "name"] as const;

/**
 * Rows of a table `size = [rows, columns]` by ids.
 *
 * @param input ids of any shape, int64 or int32
 * @throws InvalidArgumentError for a size that is no pair of positive integers, OutOfRangeError for a paddingIdx outside the table.
 * @example
 * ```ts
 * import { disableStatic, enableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * static_.programGuard(main, startup, () => {
 *   const ids = static_.data("ids", [-1, 5], "int64");
 *   static_.nn.embedding(ids, [100, 8], { paramAttr: "word_embedding" });
 * });
 * disableStatic();
 * ```
 */
export function embedding(input: Tensor, size: Shape, options?: StaticEmbeddingOptions): Tensor {
  return table("static.nn.embedding", "embedding", input, size, checkOptions("static.nn.embedding", options, keys));
}

function table(op: string, type: string, input: Tensor, size: Shape, o: StaticEmbeddingOptions): Tensor {
  requireTensor(input, op);
  if (size.length !== 2 || size.some((n) => !Number.isInteger(n) || n < 1))
    throw new InvalidArgumentError(`size must be [rows, columns], got ${formatShape(size)}.`, { op });
  const helper = new LayerHelper(op, type, o.name);
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const weight = helper.required(size, o.dtype ?? "float32", { attr });
  return helper.named(lookUp(input, weight, { paddingIdx: o.paddingIdx, sparse: o.isSparse ?? false }));
}

/** Options of {@link sparseEmbedding}. */
export interface SparseEmbeddingOptions {
  readonly paddingIdx?: number | null | undefined;
  /** Accepted for Paddle's sake: a parameter server's. */
  readonly isTest?: boolean | undefined;
  /** Accepted for Paddle's sake: a parameter server's. */
  readonly entry?: unknown;
  /** Accepted for Paddle's sake: a parameter server's. */
  readonly tableClass?: string | undefined;
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  readonly dtype?: DType | undefined;
  /** Accepted for Paddle's sake: a parameter server's. */
  readonly slot?: number | null | undefined;
}

const sparseKeys = ["paddingIdx", "isTest", "entry", "tableClass", "paramAttr", "weightAttr", "dtype", "slot"] as const;

/** {@link embedding} with `isSparse` and Paddle's signature for parameter servers; the table is local. */
export function sparseEmbedding(input: Tensor, size: Shape, options?: SparseEmbeddingOptions): Tensor {
  const op = "static.nn.sparseEmbedding";
  const { paddingIdx, paramAttr, weightAttr, dtype } = checkOptions<SparseEmbeddingOptions>(op, options, sparseKeys);
  return table(op, "sparse_embedding", input, size, { isSparse: true, paddingIdx, paramAttr, weightAttr, dtype });
}
