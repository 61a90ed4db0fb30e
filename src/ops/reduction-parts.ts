// temporary
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { comparison, floatUnary, binary } from "./infer.js";
import { divide } from "./arithmetic.js";
const equalOp = defineOp({ name: "equal", inputs: ["x", "y"], outputs: ["out"], attrs: {}, infer: comparison("equal"), lower: (k, { x, y }) => ({ out: k.eq(x, y) }), grad: null, check: {} });
const logOp = defineOp({ name: "log", inputs: ["x"], outputs: ["out"], attrs: {}, infer: floatUnary, lower: (k, { x }) => ({ out: k.log(x) }), saves: ["x"], grad: ({ x }, d) => ({ x: () => divide(d.out, x) }), check: {} });
const sqrtOp = defineOp({ name: "sqrt", inputs: ["x"], outputs: ["out"], attrs: {}, infer: floatUnary, lower: (k, { x }) => ({ out: k.sqrt(x) }), saves: ["out"], grad: ({ out }, d) => ({ x: () => divide(divide(d.out, out), 2) }), check: {} });
const whereOp = defineOp({ name: "where", inputs: ["c", "x", "y"], outputs: ["out"], attrs: {}, infer: ({ c, x, y }) => { const r = binary("where")({ x, y }); return { outs: { out: { shape: binary("w")({ x: { shape: c.shape, dtype: "float32" }, y: { shape: r.outs.out.shape, dtype: "float32" } }).outs.out.shape, dtype: r.outs.out.dtype } } } }, lower: (k, { c, x, y }) => ({ out: k.select(c, x, y) }), grad: null, check: {} });
export const equal = <T extends Value>(x: T | number, y: T | number): T => bind1(equalOp, [x, y]) as T;
export const where = <T extends Value>(c: Value, x: T | number, y: T | number): T => bind1(whereOp, [c, x, y]) as T;
export const log = <T extends Value>(x: T): T => bind1(logOp, [x]) as T;
export const sqrt = <T extends Value>(x: T): T => bind1(sqrtOp, [x]) as T;
