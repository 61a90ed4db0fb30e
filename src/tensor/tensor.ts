// Tensor: the handle users hold, with all of Paddle's methods; the one class of eager results.

import type { DType, TypedArrayOf } from "../core/dtype.js";
import { InvalidArgumentError, OutOfRangeError, PreconditionNotMetError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { formatShape, sizeOf } from "../core/shape.js";
import { toNested, type Nested } from "../core/nested.js";
import { Value } from "../program/value.js";
import { toArray } from "../trace/eager.js";
import { disposeHandle, setHandleClass } from "../trace/handles.js";
import { rowsOf } from "../trace/rows.js";
import { assemble } from "./assemble.js";
import { backward, type BackwardOptions, detachHandle, registerHook, retainGradients } from "./autograd.js";
import { fullLike } from "../ops/creation.js";
import { installMethods, type MethodsOf } from "./method-table.js";
import { methodTables } from "./method-tables.js";

assemble();

/** The symbol Node's console looks for. */
const inspect = Symbol.for("nodejs.util.inspect.custom");

export interface Tensor extends MethodsOf<typeof methodTables> {}

/**
 * An n-dimensional array on the engine's heap. Computing is synchronous, reading asynchronous. Memory is freed by itself when the
 * handle is garbage; `dispose()` and `using` free it at once.
 *
 * @example
 * ```ts
 * import { toTensor } from "oarjs";
 * const x = toTensor([[1, 2], [3, 4]]);
 * console.log(x.shape, await x.add(1).tolist()); // [2, 2] [[2, 3], [4, 5]]
 * ```
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods are installed from the same tables as their types.
export class Tensor extends Value {
  /** Name, as parameters have it; undefined for ordinary tensors. */
  name: string | undefined = undefined;
  /** Whether it is a parameter or a buffer that outlives a step. */
  persistable = false;

  static {
    setHandleClass(Tensor);
    installMethods(Tensor.prototype, methodTables);
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The accumulated gradient after `backward`, or null. */
  get grad(): Tensor | null {
    return (this.gradient as Tensor | undefined) ?? null;
  }

  set grad(value: Tensor | null) {
    this.gradient = value ?? undefined;
  }

  /** Whether no recorded op made it. */
  get isLeaf(): boolean {
    return this.source === undefined;
  }

  /**
   * The elements, copied, in row-major order. With a dtype the array's type is exact, and another dtype of the tensor an error.
   *
   * @throws PreconditionNotMetError for a variable of a Program (fetch it with exe.run), InvalidArgumentError for another dtype.
   */
  data<D extends DType = DType>(dtype?: D): Promise<TypedArrayOf[D]> {
    return this.read(() => this.dataSync(dtype));
  }

  /** As `data`, at once; on CPU devices only. */
  dataSync<D extends DType = DType>(dtype?: D): TypedArrayOf[D] {
    if (dtype !== undefined && dtype !== (this.dtype as DType)) {
      throw new InvalidArgumentError(`the tensor is ${this.dtype}, not ${dtype}.`, {
        op: "data",
        hint: `x.astype("${dtype}").data("${dtype}")`,
      });
    }
    return this.array().data as TypedArrayOf[D];
  }

  /** Shape, dtype and elements, copied. */
  numpy(): Promise<NdArray> {
    return this.read(() => this.array());
  }

  /** The only element, or the one at an index; int64 as a number where it is exact, else a bigint. */
  item(...index: number[]): Promise<number | boolean | bigint | [number, number]> {
    return this.read(() => {
      const array = this.array();
      const at = this.positionOf(index);
      const flat = toNested({ ...array, shape: [sizeOf(array.shape)] }) as unknown[];
      return flat[at] as number;
    });
  }

  /** Nested arrays of numbers (booleans, bigints beyond ±2^53, [re, im] pairs). */
  tolist(): Promise<Nested> {
    return this.read(() => toNested(this.array()));
  }

  /** Alias of `tolist`. */
  toArray(): Promise<Nested> {
    return this.tolist();
  }

  /** What asynchronous readers give. A variable refuses at once: code that is traced cannot wait for the error. */
  private read<R>(read: () => R): Promise<R> {
    if (this.symbol) this.array();
    return new Promise((resolve) => resolve(read()));
  }

  private array(): NdArray {
    if (this.symbol) {
      throw new PreconditionNotMetError(`"${this.symbol.name}" is a variable of a Program and has no data here.`, {
        op: "data",
        hint: "fetch it with exe.run; in a compiled function, return it.",
      });
    }
    return toArray(this);
  }

  private positionOf(index: readonly number[]): number {
    const size = sizeOf(this.shape);
    if (index.length === 0) {
      if (size === 1) return 0;
      throw new InvalidArgumentError(`item() needs a tensor of one element, this one is ${formatShape(this.shape)}.`, {
        op: "item",
      });
    }
    if (index.length === 1 && this.ndim !== 1) return checked(index[0]!, size, "item");
    if (index.length !== this.ndim)
      throw new InvalidArgumentError(`${index.length} indices for ${this.ndim} axes.`, { op: "item" });
    return index.reduce((at, i, axis) => at * this.shape[axis]! + checked(i, this.shape[axis]!, "item"), 0);
  }

  /**
   * Computes the gradients of all leaves that lead here and adds them to their `grad`.
   *
   * @throws PreconditionNotMetError when the graph was freed, or a saved tensor was changed in place.
   */
  backward(gradient?: Tensor | BackwardOptions, options?: BackwardOptions): void {
    backward(this, gradient, options);
  }

  /** The same memory without history: gradients stop here. */
  detach(): this {
    return detachHandle(this);
  }

  /** Calls `hook` with each gradient that reaches this tensor; what it returns takes the gradient's place. Returns a remover. */
  registerHook(hook: (gradient: Tensor) => unknown): { remove(): boolean } {
    return registerHook(this, (g) => resultOf(hook(g as Tensor)));
  }

  /** Keeps the gradient although this is no leaf. */
  retainGrads(): void {
    retainGradients(this);
  }

  /** Drops the gradient (`setToZero`: fills it with zeros, Paddle's way; of a sparse gradient no row is left). */
  clearGrad(setToZero = false): void {
    const { gradient } = this;
    this.gradient = setToZero && gradient && !rowsOf(gradient) ? fullLike(gradient, 0) : undefined;
  }

  /** Alias of `clearGrad`; zero-fills unless told otherwise, as Paddle's. */
  clearGradient(setToZero = true): void {
    this.clearGrad(setToZero);
  }

  /**
   * Gives the memory back now, or with the last of the tensors that share it. Using this tensor afterwards is an error; disposing of it
   * again is not.
   */
  dispose(): void {
    if (this.storage) disposeHandle(this);
  }

  /** `using x = …` disposes at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  override toString(): string {
    const head = `Tensor(shape=${formatShape(this.shape)}, dtype=${this.dtype}, stopGradient=${this.stopGradient}`;
    return this.symbol
      ? `${head}, variable "${this.symbol.name}")`
      : `${head},\n${formatNested(toNested(this.array()))})`;
  }

  [inspect](): string {
    return this.toString();
  }
}

/** What a hook gave, if it gave a gradient. */
const resultOf = (given: unknown): Value | undefined => (given instanceof Value ? given : undefined);

function checked(i: number, size: number, op: string): number {
  if (!Number.isInteger(i) || i < -size || i >= size)
    throw new OutOfRangeError(`index ${i} is outside [${-size}, ${size}).`, { op, index: i });
  return i < 0 ? i + size : i;
}

function formatNested(x: Nested): string {
  if (!Array.isArray(x)) return typeof x === "number" ? Number(x.toPrecision(8)).toString() : String(x);
  const items = x.length > 20 ? [...x.slice(0, 3), "...", ...x.slice(-3)] : x;
  return `[${items.map((i) => (typeof i === "string" ? i : formatNested(i as Nested))).join(", ")}]`;
}

/** Whether `x` is a Tensor. */
export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;
