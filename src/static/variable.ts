// Variable: the handle of a Program's variable, with all of Tensor's methods.

import type { DType } from "../core/dtype.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { Storage } from "../device/storage.js";
import type { SymbolDesc } from "../program/value.js";
import { Tensor } from "../tensor/tensor.js";
import { publicExtent, shown } from "../core/extents.js";

/** A variable of a static Program. It has no data: fetch it with `exe.run`. */
export class Variable extends Tensor {
  constructor(shape: Shape, dtype: DType, storage?: Storage, symbol?: SymbolDesc) {
    super(shown(shape), dtype, storage, symbol);
    if (symbol) this.name = symbol.name;
  }

  /** The shape with -1 for extents that are known only when the Program runs. */
  get declaredShape(): number[] {
    return Array.from(this.shape, publicExtent);
  }

  override toString(): string {
    return `Variable(name=${this.name ?? "?"}, shape=${formatShape(this.declaredShape)}, dtype=${this.dtype}, stopGradient=${this.stopGradient})`;
  }
}
