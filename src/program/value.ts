// Value: the bare handle of a tensor, eager (it has storage) or symbolic (it stands for a variable of a Program).

import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import type { Storage } from "../device/storage.js";

/** What the tape keeps for a value: the op that made it. Opaque here; the tape's own. */
export interface GradientSource {
  /** Which output of the op the value is. */
  readonly kind: "tape";
}

/** What a value knows of the Program's variable it stands for; the whole is a VarDesc. */
export interface SymbolDesc {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A gradient of a table that is not 0 in some rows only: what Paddle calls SelectedRows. */
export interface Rows {
  /** Row numbers, int32 of any shape, in any order and as often as they occur; negative ones name no row. */
  readonly ids: Value;
  /** What is added to each of these rows: the shape of the ids, and the columns. */
  readonly values: Value;
  /** Shape and dtype of the table. */
  readonly like: Value;
  /** Whether the value's dense form still says the same: nobody changed it in place. */
  readonly intact: () => boolean;
}

/** A function that sees, and may replace, the gradient flowing into a value. */
export type GradientHook = (gradient: Value) => Value | undefined;

/**
 * A tensor without methods. `tensor/` extends it to the `Tensor` users see; everything below works on this.
 * Exactly one of `storage` (eager) and `symbol` (a Program's variable) is set, or neither: then only shape and dtype are known.
 */
export class Value {
  /** Extents, outermost first. */
  shape: Shape;
  /** Element type. */
  dtype: DType;
  storage: Storage | undefined;
  symbol: SymbolDesc | undefined;
  /** True: no gradient flows through this value. */
  stopGradient = true;
  /** The op that made it, when the tape recorded it. */
  source: GradientSource | undefined = undefined;
  /** Which output of `source` it is. */
  outputIndex = 0;
  /** The accumulated gradient of a leaf, after `backward`. */
  gradient: Value | undefined = undefined;
  hooks: GradientHook[] | undefined = undefined;
  /** On a leaf: whether nobody will look at its gradient, so that `backward` need not compute it. Declared only: most values have none. */
  declare gradientUnused: (() => boolean) | undefined;
  /** On a gradient that came as rows: the rows. Declared only: most values have none. Read it through `rowsOf`. */
  declare rows: Rows | undefined;
  /** Shared by handles whose memory is given back together; the memory keeper's. */
  token: object | undefined = undefined;
  /** Whether a non-leaf keeps its gradient too. */
  retainsGradient = false;

  constructor(shape: Shape, dtype: DType, storage?: Storage, symbol?: SymbolDesc) {
    this.shape = shape;
    this.dtype = dtype;
    this.storage = storage;
    this.symbol = symbol;
  }
}
