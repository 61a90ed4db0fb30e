// Gradients of rows: values that know which rows of a table they are not 0 in, and become dense only when somebody reads them.

import type { Storage } from "../device/storage.js";
import type { Rows, SymbolDesc, Value } from "../program/value.js";
import { eagerly } from "./bind.js";
import { withGrad } from "./grad-mode.js";
import { emptyHandle, unscoped } from "./handles.js";

/** What gradients of rows need of the ops; `ops/` gives it where the package is put together. */
export interface RowsArithmetic {
  /** The sum of rows as a whole table of the shape of `like`. */
  dense(ids: Value, values: Value, like: Value): Value;
  /** Ids (`columns` 0), or values with one axis of columns, one after another along a single axis. */
  chain(parts: readonly Value[], columns: 0 | 1): Value;
}

export type { Rows } from "../program/value.js";

let arithmetic: RowsArithmetic | undefined;

/** Installs what gradients of rows need of the ops. */
export function setRowsArithmetic(a: RowsArithmetic): void {
  arithmetic = a;
}

/** Values that {@link rowsValue} made. */
const lazy = new WeakSet<Value>();

/**
 * A gradient of the shape of `like` that is 0 but in some rows. Optimizers and clips that can ask for the rows ({@link rowsOf}); for all
 * others it is a tensor like any other, which is computed at its first use.
 */
export function rowsValue(ids: Value, values: Value, like: Value): Value {
  const out = emptyHandle(like.shape, values.dtype);
  lazy.add(out);
  const symbolic = ids.symbol !== undefined || values.symbol !== undefined;
  let dense: Value | undefined;
  let version = 0;
  const make = (): Value => {
    if (dense) return dense;
    const compute = (): Value => withGrad(false, () => unscoped(() => arithmetic!.dense(ids, values, like)));
    dense = symbolic ? compute() : eagerly(compute);
    version = dense.storage?.version ?? 0;
    return dense;
  };
  out.rows = { ids, values, like, intact: () => (dense?.storage?.version ?? version) === version };
  const replacedBy = (key: "storage" | "symbol", value: Storage | SymbolDesc | undefined): void => {
    out.rows = undefined;
    Object.defineProperty(out, key, { value, writable: true, enumerable: true, configurable: true });
  };
  Object.defineProperties(out, {
    storage: {
      get: () => (symbolic ? undefined : make().storage),
      set: (storage: Storage | undefined) => replacedBy("storage", storage),
      enumerable: true,
      configurable: true,
    },
    symbol: {
      get: () => (symbolic ? make().symbol : undefined),
      set: (symbol: SymbolDesc | undefined) => replacedBy("symbol", symbol),
      enumerable: true,
      configurable: true,
    },
  });
  return out;
}

/** The rows of a gradient that came as rows and was not changed since. */
export const rowsOf = (gradient: Value): Rows | undefined => (gradient.rows?.intact() ? gradient.rows : undefined);

/** The sum of two gradients of rows; undefined unless both are. */
export function joinRows(x: Value, y: Value): Value | undefined {
  const a = rowsOf(x);
  const b = rowsOf(y);
  if (!a || !b || x.dtype !== y.dtype) return undefined;
  return rowsValue(arithmetic!.chain([a.ids, b.ids], 0), arithmetic!.chain([a.values, b.values], 1), a.like);
}

/** A gradient as an ordinary tensor, which still knows the rows it came as. */
export function densified(gradient: Value): Value {
  const rows = rowsOf(gradient);
  if (!rows || !lazy.has(gradient)) return gradient;
  const out = arithmetic!.dense(rows.ids, rows.values, rows.like);
  const { symbol } = out;
  const version = out.storage?.version;
  out.rows = { ...rows, intact: () => out.symbol === symbol && out.storage?.version === version };
  return out;
}

/** The same rows with other values. */
export const withValues = (rows: Rows, values: Value): Value => rowsValue(rows.ids, values, rows.like);
