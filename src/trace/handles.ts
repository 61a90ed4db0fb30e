// Handles: makes the values users hold, of the class that `tensor/` provides, and keeps watch over their memory.

import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import { engine } from "../device/engine.js";
import { Storage } from "../device/storage.js";
import { type SymbolDesc, Value } from "../program/value.js";

type HandleClass = new (shape: Shape, dtype: DType, storage?: Storage, symbol?: SymbolDesc) => Value;

let EagerHandle: HandleClass = Value;
let SymbolHandle: HandleClass = Value;

/** Says which class results have; variables of Programs have it too unless {@link setSymbolHandle} names another. */
export function setHandleClass(eager: HandleClass): void {
  if (SymbolHandle === EagerHandle) SymbolHandle = eager;
  EagerHandle = eager;
}

/** Handles made inside the tape, which no user holds: freed as soon as the walk is done with them. */
let scope: Map<Value, Storage> | undefined;

/** Says which class variables of Programs have. */
export function setSymbolHandle(symbolic: HandleClass): void {
  SymbolHandle = symbolic;
}

/** An eager handle; it takes over one use of `storage`, given back when the handle is garbage. */
export function eagerHandle(shape: Shape, dtype: DType, storage: Storage): Value {
  const value = new EagerHandle(shape, dtype, storage);
  if (scope) scope.set(value, storage);
  else engine().memory.track(value, storage);
  return value;
}

/** Runs `fn` with new handles counted as the tape's own; those that did not {@link publish} are freed at the end. */
export function scoped<R>(fn: () => R): R {
  const before = scope;
  scope = new Map();
  try {
    return fn();
  } finally {
    for (const storage of scope.values()) storage.release();
    scope = before;
  }
}

/** Runs user code inside a scope: what it makes is tracked as usual. */
export function unscoped<R>(fn: () => R): R {
  const before = scope;
  scope = undefined;
  try {
    return fn();
  } finally {
    scope = before;
  }
}

/** Lets a value outlive the scope: a user may hold it. */
export function publish<V extends Value>(value: V): V {
  const storage = scope?.get(value);
  if (storage) {
    scope!.delete(value);
    engine().memory.track(value, storage);
  }
  if (value.rows) for (const part of [value.rows.ids, value.rows.values]) publish(part);
  return value;
}

/** A handle of eager results' class without memory or variable: whoever makes it says how it gets them. */
export const emptyHandle = (shape: Shape, dtype: DType): Value => new EagerHandle(shape, dtype);

/** Frees the scope's values that `dead` says nothing needs. */
export function releaseScoped(dead: (value: Value) => boolean): void {
  if (!scope) return;
  for (const [value, storage] of scope) {
    if (!dead(value)) continue;
    scope.delete(value);
    storage.release();
  }
}

/**
 * Frees the memory of a handle that has it alone. Memory that others share stays until the keeper finds this handle dead, so that its
 * use is not given back twice; the handle itself is of no use any more.
 */
export function disposeHandle(value: Value): void {
  const { storage } = value;
  if (storage && !storage.isShared) storage.release();
  else if (storage) value.storage = Storage.freed(storage.heap);
}

/** A handle for what `x` was before an in-place change; it takes the memory and the place on the tape. */
export function formerHandle<T extends Value>(x: T, storage: Storage): T {
  const former = eagerHandle(x.shape, x.dtype, storage.detach());
  former.source = x.source;
  former.outputIndex = x.outputIndex;
  former.stopGradient = x.stopGradient;
  return former as T;
}

/** A handle of a Program's variable. */
export const symbolHandle = (desc: SymbolDesc): Value => new SymbolHandle(desc.shape, desc.dtype, undefined, desc);

/** Shape and dtype alone, for operands whose data is never read. */
export const ghostOf = (v: Value): Value => (v.symbol ? v : new Value(v.shape, v.dtype));
