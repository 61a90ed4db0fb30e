// The op table: from each record's check to concrete calls, and how results are compared.

import { type DType, dtypes, isFloat } from "../core/dtype.js";
import { emptyData, type NdArray } from "../core/nd-array.js";
import { bfloatToNumber, halfToNumber, writeElement } from "../core/nested.js";
import { broadcastShapes, type Shape, sizeOf } from "../core/shape.js";
import type { OpRecord, OpSample, Plain, SampleOperand } from "../program/op.js";

/** One call of an op with its operands, and the value by an independent formula where the record gives one. */
export interface TableCase {
  readonly name: string;
  readonly op: OpRecord;
  readonly operands: readonly (NdArray | undefined)[];
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly expected: readonly Plain[] | undefined;
  /** Whether the gradient is compared with central differences. */
  readonly grad: boolean;
}

/** Numbers that look random and are the same every time. */
export function numbers(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Shapes of element-wise cases: scalar, vector longer than a register, matrix, broadcast, and no elements at all. */
const unaryShapes: readonly Shape[] = [[], [37], [3, 5], [0, 4]];
const binaryShapes: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[37], [37]],
  [
    [3, 1, 5],
    [4, 1],
  ],
  [[2, 40], [40]],
  [[0, 3], [3]],
];

/** An NdArray as plain numbers; complex entries alternate. */
export function plainOf(a: NdArray): Plain {
  const data = Array.from(a.data as ArrayLike<number | bigint>, (v) =>
    a.dtype === "float16" ? halfToNumber(Number(v)) : a.dtype === "bfloat16" ? bfloatToNumber(Number(v)) : Number(v),
  );
  return { shape: a.shape, data };
}

function filled(shape: Shape, dtype: DType, next: () => number, [low, high]: readonly [number, number]): NdArray {
  const data = emptyData(dtype, sizeOf(shape));
  const { kind } = dtypes[dtype];
  for (let i = 0; i < sizeOf(shape); i++) {
    const x = low + (high - low) * next();
    writeElement(
      data,
      dtype,
      i,
      kind === "float" || kind === "complex" ? x : kind === "bool" ? next() < 0.5 : Math.trunc(x),
    );
    if (kind === "complex") (data as Float64Array)[2 * i + 1] = low + (high - low) * next();
  }
  return { dtype, shape, data };
}

function domainOf(op: OpRecord, operand: number): readonly [number, number] {
  const domain = op.check.domain ?? [-2, 2];
  return typeof domain[0] === "number"
    ? (domain as readonly [number, number])
    : (domain as readonly (readonly [number, number])[])[operand]!;
}

/** All cases of an op. */
export function casesOf(op: OpRecord): TableCase[] {
  const { reference } = op.check;
  const out: TableCase[] = [];
  if (reference) {
    const arity = op.inputs.length;
    for (const dtype of new Set<DType>(["float32", "float64", ...(op.check.dtypes ?? [])])) {
      for (const shapes of arity === 1
        ? unaryShapes.map((s) => [s])
        : binaryShapes.map((p) => Array.from({ length: arity }, (_, i) => p[i % 2]!))) {
        out.push(elementCase(op, shapes, dtype, reference));
      }
    }
  }
  (op.check.samples ?? []).forEach((sample, i) => out.push(...sampleCases(op, sample, i)));
  return out;
}

function attrsOf(op: OpRecord, given: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const fallbacks = Object.fromEntries(Object.entries(op.attrs).map(([name, spec]) => [name, spec.fallback]));
  return { ...fallbacks, ...given };
}

function elementCase(
  op: OpRecord,
  shapes: readonly Shape[],
  dtype: DType,
  reference: (...x: number[]) => number,
): TableCase {
  const next = numbers(op.name.length + shapes.length * 7 + sizeOf(shapes[0]!));
  const operands = shapes.map((s, i) => filled(s, dtype, next, domainOf(op, i)));
  const shape = shapes.reduce((a, b) => broadcastShapes(a, b, op.name));
  const plains = operands.map(plainOf);
  const data = Array.from({ length: sizeOf(shape) }, (_, i) =>
    Number(reference(...plains.map((p) => p.data[sourceIndex(i, shape, p.shape)]!))),
  );
  const isReal = isFloat(dtype);
  return {
    name: `${dtype} ${shapes.map((s) => `[${s}]`).join(" ")}`,
    op,
    operands,
    attrs: attrsOf(op),
    expected: [{ shape, data }],
    grad: isReal,
  };
}

/** The position of a broadcast operand that position `i` of `shape` reads. */
function sourceIndex(i: number, shape: Shape, operand: Shape): number {
  let rest = i;
  let at = 0;
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const index = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
    const own = axis - (shape.length - operand.length);
    if (own < 0) continue;
    if (operand[own] !== 1) at += index * step;
    step *= operand[own]!;
  }
  return at;
}

function sampleCases(op: OpRecord, sample: OpSample, number: number): TableCase[] {
  return (["float32", "float64"] as const).map((dtype) => {
    const next = numbers(number + op.name.length);
    let at = 0;
    const make = (o: SampleOperand): NdArray | undefined => {
      const operand = at++;
      if (o === undefined) return undefined;
      if ("shape" in o) {
        const own = o.dtype ?? dtype;
        const data = emptyData(own, sizeOf(o.shape));
        o.data.forEach((v, i) => writeElement(data, own, i, v));
        return { dtype: own, shape: o.shape, data };
      }
      return filled(o, dtype, next, domainOf(op, Math.min(operand, op.inputs.length - 1)));
    };
    const isShape = (x: unknown): x is Shape => Array.isArray(x) && x.every((n) => typeof n === "number");
    const operands = sample.inputs.flatMap((o) => {
      const list = Array.isArray(o) && !isShape(o) ? (o as readonly SampleOperand[]) : [o as SampleOperand];
      return list.map(make);
    });
    const given = sample.expect?.(...operands.filter((o) => o !== undefined).map(plainOf));
    const expected =
      given === undefined ? undefined : Array.isArray(given) ? (given as readonly Plain[]) : [given as Plain];
    return { name: `sample ${number} ${dtype}`, op, operands, attrs: attrsOf(op, sample.attrs), expected, grad: true };
  });
}

/** Tolerance of a dtype: relative and absolute. */
export const tolerance: Readonly<Record<DType, readonly [number, number]>> = {
  bool: [0, 0],
  uint8: [0, 0],
  int8: [0, 0],
  int16: [0, 0],
  int32: [0, 0],
  int64: [0, 0],
  float16: [2e-3, 1e-3],
  bfloat16: [2e-2, 1e-2],
  float32: [2e-5, 2e-6],
  float64: [1e-10, 1e-12],
  complex64: [2e-5, 2e-6],
  complex128: [1e-10, 1e-12],
};

/** What differs between two lists of numbers, or undefined. NaN equals only NaN, infinities only those of equal sign. */
export function difference(got: Plain, want: Plain, [rtol, atol]: readonly [number, number]): string | undefined {
  if (got.shape.length !== want.shape.length || got.shape.some((n, i) => n !== want.shape[i])) {
    return `shape [${got.shape}] instead of [${want.shape}]`;
  }
  for (let i = 0; i < want.data.length; i++) {
    const g = got.data[i]!;
    const w = want.data[i]!;
    if (Object.is(g, w) || (Number.isNaN(g) && Number.isNaN(w)) || g === w) continue;
    if (!(Math.abs(g - w) <= atol + rtol * Math.abs(w))) return `element ${i}: ${g} instead of ${w}`;
  }
  return undefined;
}
