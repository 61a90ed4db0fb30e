// Random expressions and statements of the kernel language over a fixed set of arguments, and runs of them: for property tests.

import type { Heap } from "../../device/heap.js";
import type { Target } from "../../device/target.js";
import {
  Arg,
  Buf,
  type Expr,
  type KType,
  type MemType,
  Var,
  argument,
  binary,
  bitcast,
  cast,
  compare,
  constant,
  isMask,
  lane,
  load,
  loadType,
  maskCast,
  memBytes,
  ramp,
  read,
  select,
  shift,
  splat,
  unary,
  unsignedCast,
} from "../../kernel/expr.js";
import type { Kernel, Stmt } from "../../kernel/stmt.js";

const memTypes: readonly MemType[] = ["f32", "f64", "i32", "i64", "i16", "u16", "i8", "u8"];
const numberTypes = ["f32", "f64", "i32", "i64"] as const;
type NumberType = (typeof numberTypes)[number];
/** Elements of a buffer that block 0 may touch. */
export const ELEMENTS = 64;

/** One buffer of each memory type to read. */
export const inputs = memTypes.map((mem, slot) => new Buf(`in_${mem}`, mem, slot));
/** One buffer of each memory type to write, zero at first. */
export const outputs = memTypes.map((mem, k) => new Buf(`out_${mem}`, mem, memTypes.length + k));
/** One scalar argument of each type. */
export const scalars = numberTypes.map((type, k) => new Arg(`arg_${type}`, type, 2 * memTypes.length + k));
/** The block number. */
export const block = new Var("block", "i32");

const specials: Readonly<Record<NumberType, readonly (number | bigint)[]>> = {
  f32: [0, -0, 1, -1.5, 2.5, NaN, Infinity, -Infinity, 1e-45, 3.4e38, 2147483648, -2147483649, 1e19],
  f64: [0, -0, 1, 0.5, -2.5, NaN, Infinity, -Infinity, 5e-324, 1.7e308, 4294967296, -9.3e18, 1e-40],
  i32: [0, 1, -1, 2147483647, -2147483648, 255, -128, 65536, 31, 33],
  i64: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 31n) - 1n, 2n ** 53n + 1n],
};

/** A small generator of its own (Marsaglia's xorshift32): fast-check gives the seed. */
export class Dice {
  constructor(private state: number) {
    this.state = state | 0 || 1;
  }

  next(): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return this.state >>> 0;
  }

  below(n: number): number {
    return this.next() % n;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  literal(type: NumberType): Expr {
    return constant(type, this.value(type));
  }

  value(type: NumberType): number | bigint {
    const kind = this.below(3);
    if (kind === 0) return this.pick(specials[type]);
    const bits = this.next();
    if (type === "i32") return kind === 1 ? bits | 0 : (bits % 200) - 100;
    if (type === "i64") return kind === 1 ? (BigInt(bits | 0) << 32n) | BigInt(this.next()) : BigInt(bits % 200) - 100n;
    return ((bits | 0) / 2 ** 31) * (kind === 1 ? 10 ** (this.below(40) - 20) : 100);
  }
}

/** Makes random expressions of a wanted type and width. */
export class Maker {
  readonly dice: Dice;
  /** Variables that expressions may read, and those of them that count from 0 to below 40. */
  private readonly visible: Var[] = [];
  private readonly counters: Var[] = [];

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  make(type: KType, lanes: number, depth: number): Expr {
    if (depth <= 0) return this.leaf(type, lanes);
    const d = depth - 1;
    if (isMask(type)) return this.mask(type as "m32" | "m64", lanes, d);
    const roll = this.dice.below(10);
    if (roll === 0) return this.leaf(type, lanes);
    if (roll === 1)
      return select(
        this.make(this.dice.pick(["m32", "m64"]), lanes, d),
        this.make(type, lanes, d),
        this.make(type, lanes, d),
      );
    if (roll === 2) return this.converted(type as NumberType, lanes, d);
    if (roll === 3 && lanes > 1) return splat(this.make(type, 1, d), lanes);
    if (roll === 3) return lane(this.make(type, 8, d), this.dice.below(8));
    return type === "f32" || type === "f64"
      ? this.float(type, lanes, d)
      : this.integer(type as "i32" | "i64", lanes, d);
  }

  private leaf(type: KType, lanes: number): Expr {
    const { dice } = this;
    const variables = this.visible.filter((v) => v.type === type && v.lanes === lanes);
    if (variables.length > 0 && dice.below(2) === 0) return read(dice.pick(variables));
    if (isMask(type)) return splat(constant(type, dice.below(2) === 1), lanes);
    const roll = dice.below(5);
    if (roll === 0) return splat(dice.literal(type as NumberType), lanes);
    if (roll === 1) return splat(argument(scalars.find((a) => a.type === type)!), lanes);
    if (roll === 2 && lanes > 1 && (type === "i32" || type === "i64")) return ramp(dice.literal(type), lanes);
    const buf = dice.pick(inputs.filter((b) => loadType(b.mem) === type));
    if (roll === 3)
      return load(buf, binary("and", this.make("i32", lanes, 1), splat(constant("i32", ELEMENTS - 1), lanes)));
    if (lanes === 1 && this.counters.length > 0) {
      return load(buf, binary("add", read(dice.pick(this.counters)), constant("i32", dice.below(20))));
    }
    return load(buf, binary("add", read(block), constant("i32", dice.below(ELEMENTS - lanes))), lanes);
  }

  private mask(type: "m32" | "m64", lanes: number, d: number): Expr {
    const { dice } = this;
    const roll = dice.below(6);
    if (roll === 0) return unary("not", this.make(type, lanes, d));
    if (roll === 1)
      return binary(dice.pick(["and", "or", "xor"]), this.make(type, lanes, d), this.make(type, lanes, d));
    if (roll === 2) return maskCast(this.make(type === "m32" ? "m64" : "m32", lanes, d), type);
    if (roll === 3 && lanes === 1) return lane(this.make(type, 8, d), dice.below(8));
    if (roll === 3) return splat(this.make(type, 1, d), lanes);
    const operand = dice.pick(type === "m32" ? (["f32", "i32"] as const) : (["f64", "i64"] as const));
    const integer = operand === "i32" || operand === "i64";
    const ops = ["lt", "le", "gt", "ge", "eq", "ne", ...(integer ? (["ult"] as const) : [])] as const;
    return compare(dice.pick(ops), this.make(operand, lanes, d), this.make(operand, lanes, d));
  }

  private float(type: "f32" | "f64", lanes: number, d: number): Expr {
    const { dice } = this;
    if (dice.below(2) === 0) {
      const op = dice.pick(["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"] as const);
      return unary(op, this.make(type, lanes, d));
    }
    const op = dice.pick(["add", "sub", "mul", "div", "min", "max"] as const);
    return binary(op, this.make(type, lanes, d), this.make(type, lanes, d));
  }

  private integer(type: "i32" | "i64", lanes: number, d: number): Expr {
    const { dice } = this;
    const roll = dice.below(5);
    const x = this.make(type, lanes, d);
    if (roll === 0) return unary(dice.pick(["neg", "abs", "not"]), x);
    if (roll === 1) return shift(dice.pick(["shl", "shr", "ushr"]), x, this.make("i32", 1, d));
    const y = this.make(type, lanes, d);
    if (roll === 2) return binary(dice.pick(["div", "rem"]), x, binary("or", y, splat(constant(type, 1), lanes)));
    return binary(dice.pick(["add", "sub", "mul", "min", "max", "and", "or", "xor"]), x, y);
  }

  private converted(type: NumberType, lanes: number, d: number): Expr {
    const { dice } = this;
    const roll = dice.below(4);
    if (roll === 0 && type !== "i32") {
      const from = type === "i64" ? "i32" : dice.pick(["i32", "i64"] as const);
      return unsignedCast(this.make(from, lanes, d), type);
    }
    if (roll === 1) return this.bits(type, lanes, d);
    const from = dice.pick([...numberTypes.filter((t) => t !== type), "m32", "m64"] as const);
    return cast(this.make(from, lanes, d), type);
  }

  /** The interpreter does not keep the bits of NaN, so NaN becomes 0 first. */
  private bits(type: NumberType, lanes: number, d: number): Expr {
    const from = ({ f32: "i32", i32: "f32", f64: "i64", i64: "f64" } as const)[type];
    const x = this.make(from, lanes, d);
    if (from === "i32" || from === "i64") return bitcast(x, type);
    return bitcast(select(compare("eq", x, x), x, splat(constant(from, 0), lanes)), type);
  }

  /** One to three stores of values of random types and widths, some at vectors of indices. */
  stores(): Stmt[] {
    const { dice } = this;
    const body: Stmt[] = [];
    for (let at = 0, k = dice.below(3); k >= 0; k--, at += 16) {
      const buf = dice.pick(outputs);
      const type = loadType(buf.mem);
      const lanes = dice.pick([1, 4, 8, 16]);
      const value = this.make(type, lanes, 1 + dice.below(4));
      const shuffled = binary("xor", ramp(constant("i32", at), lanes), splat(constant("i32", 3), lanes));
      const index = lanes > 1 && dice.below(4) === 0 ? shuffled : constant("i32", at);
      body.push({ s: "store", buf, index, value, stream: false });
    }
    return body;
  }

  /** A few statements of any kind, nested. */
  program(): Stmt[] {
    return this.block(3, undefined);
  }

  /** Statements; in a `lanes` loop, `own` are the variables declared in it: only those may be set there. */
  private block(depth: number, own: Var[] | undefined): Stmt[] {
    const seen = this.visible.length;
    const stmts: Stmt[] = [];
    for (let n = 1 + this.dice.below(4); n > 0; n--) stmts.push(...this.statement(depth, own));
    this.visible.length = seen;
    return stmts;
  }

  private statement(depth: number, own: Var[] | undefined): Stmt[] {
    const { dice } = this;
    const roll = dice.below(depth > 0 ? 8 : 4);
    const inner = (): Stmt[] => this.block(depth - 1, own);
    if (roll <= 1) return [this.declaration(own)];
    if (roll === 2) return this.assignment(own);
    if (roll === 3) return [this.store()];
    if (roll === 4)
      return [{ s: "if", cond: this.make("m32", 1, 2), then: inner(), else: dice.below(2) ? inner() : [] }];
    if (roll === 5) return this.whileLoop(inner);
    if (roll === 6 && !own) return this.lanesLoop(depth);
    return [this.forLoop(dice.pick(["serial", "unroll"]), inner)];
  }

  private declaration(own: Var[] | undefined): Stmt {
    const { dice } = this;
    const type = dice.pick([...numberTypes, "m32", "m64"] as const);
    const v = new Var("x", type, own || dice.below(4) > 0 ? 1 : 8);
    const value = this.make(type, v.lanes, 2);
    const mutable = dice.below(2) === 0;
    this.visible.push(v);
    if (mutable) (own ?? this.settable).push(v);
    return { s: "let", v, value, mutable };
  }

  private readonly settable: Var[] = [];

  private assignment(own: Var[] | undefined): Stmt[] {
    const { dice } = this;
    const targets = (own ?? this.settable).filter((v) => this.visible.includes(v));
    if (targets.length === 0) return [];
    const v = dice.pick(targets);
    const value = this.make(v.type, v.lanes, 3);
    if (isMask(v.type) || dice.below(2) === 0) return [{ s: "set", v, value }];
    return [{ s: "accumulate", v, combine: dice.pick(["add", "mul", "min", "max"]), value }];
  }

  private store(): Stmt {
    const buf = this.dice.pick(outputs);
    const base = this.counters.length > 0 ? read(this.dice.pick(this.counters)) : constant("i32", 0);
    const index = binary("add", base, constant("i32", this.dice.below(20)));
    return { s: "store", buf, index, value: this.make(loadType(buf.mem), 1, 3), stream: false };
  }

  private forLoop(kind: "serial" | "unroll" | "lanes", body: () => Stmt[]): Stmt {
    const { dice } = this;
    const v = new Var("i", "i32");
    const from = constant("i32", dice.below(3));
    const most = kind === "lanes" ? 40 : 5;
    const argument_ = argument(scalars.find((a) => a.type === "i32")!);
    const to = dice.below(2)
      ? constant("i32", dice.below(most))
      : binary("and", argument_, constant("i32", most === 40 ? 31 : 3));
    this.visible.push(v);
    this.counters.push(v);
    const stmts = body();
    this.counters.pop();
    this.visible.splice(this.visible.indexOf(v), 1);
    return { s: "for", v, from, to, step: kind === "lanes" ? 1 : 1 + dice.below(2), kind, body: stmts };
  }

  private whileLoop(body: () => Stmt[]): Stmt[] {
    const v = new Var("n", "i32");
    const limit = constant("i32", this.dice.below(4));
    const count: Stmt = { s: "set", v, value: binary("add", read(v), constant("i32", 1)) };
    return [
      { s: "let", v, value: constant("i32", 0), mutable: true },
      { s: "while", cond: compare("lt", read(v), limit), body: [count, ...body()] },
    ];
  }

  /** A `lanes` loop with an accumulator of its own, which is stored after it. */
  private lanesLoop(depth: number): Stmt[] {
    const { dice } = this;
    const type = dice.pick(numberTypes);
    const acc = new Var("acc", type);
    const combine = dice.pick(["add", "mul", "min", "max"] as const);
    const loop = this.forLoop("lanes", () => {
      const body = this.block(depth - 1, []);
      return [...body, { s: "accumulate", v: acc, combine, value: this.make(type, 1, 2) }];
    });
    const out = outputs.find((b) => b.mem === type)!;
    return [
      { s: "let", v: acc, value: constant(type, 1), mutable: true },
      loop,
      { s: "store", buf: out, index: constant("i32", dice.below(ELEMENTS)), value: read(acc), stream: false },
    ];
  }
}

/** A kernel of two blocks over the arguments. */
export const kernelOf = (body: readonly Stmt[]): Kernel => ({
  name: "random",
  buffers: [...inputs, ...outputs],
  scalars,
  scratch: [],
  scratchSlot: -1,
  block,
  blocks: constant("i32", 2),
  body,
});

/** Runs a kernel with inputs of a seed on a target; the outputs, with all NaNs alike. */
export function run(target: Target, heap: Heap, kernel: Kernel, seed: number): Record<string, (number | bigint)[]> {
  const dice = new Dice(seed);
  const args = heap.alloc(8 * (kernel.buffers.length + scalars.length));
  const addresses = kernel.buffers.map((buf) => heap.alloc((ELEMENTS + 1) * memBytes[buf.mem]));
  kernel.buffers.forEach((buf, i) => {
    heap.views.u32[args / 4 + 2 * buf.slot] = addresses[i]!;
    const at = addresses[i]! / memBytes[buf.mem];
    const type = loadType(buf.mem) as NumberType;
    for (let k = 0; k <= ELEMENTS; k++)
      heap.views[buf.mem][at + k] = (outputs.includes(buf) ? (type === "i64" ? 0n : 0) : dice.value(type)) as never;
  });
  for (const a of scalars) {
    const type = a.type as NumberType;
    heap.views[type][(args + 8 * a.slot) / memBytes[type]] = dice.value(type) as never;
  }
  target.compile([kernel])[0]!.run(args, 0, 2, 0);
  const result: Record<string, (number | bigint)[]> = {};
  kernel.buffers.forEach((buf, i) => {
    const at = addresses[i]! / memBytes[buf.mem];
    if (outputs.includes(buf))
      result[buf.name] = Array.from<number | bigint>(heap.views[buf.mem].subarray(at, at + ELEMENTS));
    heap.free(addresses[i]!);
  });
  heap.free(args);
  return result;
}
