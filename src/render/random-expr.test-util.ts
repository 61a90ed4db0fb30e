// Random expressions of the kernel language over inputs full of special values: for comparing targets.

import type { Heap } from "../device/heap.js";
import {
  Buf,
  binary,
  bitcast,
  cast,
  compare,
  constant,
  type Expr,
  type KType,
  lane,
  load,
  maskCast,
  memBytes,
  ramp,
  select,
  shift,
  splat,
  unary,
  unsignedCast,
} from "../kernel/expr.js";

/** Elements of each input buffer. */
export const N = 64;

/** A small deterministic generator of integers below a bound (mulberry32). */
export function generator(seed: number): (below: number) => number {
  let a = seed;
  return (below) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const specialFloats = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  2.5,
  -2.5,
  Infinity,
  -Infinity,
  NaN,
  1e-42,
  -1e-320,
  3e38,
  1e300,
  2 ** 31,
];
const moreFloats = [-(2 ** 31), 2 ** 31 - 128, -(2 ** 31) - 1, 2 ** 63, -(2 ** 63), 2 ** 52 + 0.5, 1 / 3, 0.1];
const specialInts = [
  0n,
  1n,
  -1n,
  2n ** 31n - 1n,
  -(2n ** 31n),
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 53n + 1n,
  255n,
  65_535n,
];

/** Types that both memory and expressions have. */
export type NumberType = "f32" | "f64" | "i32" | "i64";
const numberTypes: readonly NumberType[] = ["f32", "f64", "i32", "i64"];
/** The input buffers, in slots 0 … 3. */
export const inputs = Object.fromEntries(numberTypes.map((t, slot) => [t, new Buf(t, t, slot)])) as Record<
  NumberType,
  Buf
>;

/** Allocates and fills the input buffers, special values first, and gives their addresses. */
export function fillInputs(heap: Heap): number[] {
  const next = generator(7);
  const floats = [...specialFloats, ...moreFloats];
  const addresses = numberTypes.map((t) => heap.alloc(N * memBytes[t]));
  const v = heap.views;
  for (let i = 0; i < N; i++) {
    const float = floats[i] ?? (next(2000) - 1000) / 8 + next(1000) / 7919;
    const int = specialInts[i] ?? BigInt(next(2 ** 31)) * BigInt(next(2 ** 31)) - 2n ** 61n;
    v.f32[addresses[0]! / 4 + ((i * 5) % N)] = float;
    v.f64[addresses[1]! / 8 + ((i * 7) % N)] = float;
    v.i32[addresses[2]! / 4 + ((i * 11) % N)] = Number(BigInt.asIntN(32, int));
    v.i64[addresses[3]! / 8 + ((i * 13) % N)] = int;
  }
  return addresses;
}

/** Random expressions of a type over the inputs at index `i`. */
export class Grower {
  constructor(
    private readonly next: (below: number) => number,
    private readonly i: Expr,
    private readonly lanes: number,
  ) {}

  grow(type: KType, depth: number): Expr {
    if (type === "m32" || type === "m64") return this.mask(type, depth);
    if (depth <= 0) return this.leaf(type);
    return type === "f32" || type === "f64" ? this.float(type, depth - 1) : this.int(type, depth - 1);
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.next(items.length)]!;
  }

  private leaf(type: NumberType): Expr {
    const choice = this.next(6);
    if (choice === 0)
      return splat(
        constant(type, type.startsWith("f") ? this.pick(specialFloats) : this.pick(specialInts)),
        this.lanes,
      );
    if (choice === 1 && this.lanes > 1) {
      const index = binary("and", load(inputs.i32, this.i, this.lanes), splat(constant("i32", N - 1), this.lanes));
      return load(inputs[type], index);
    }
    if (choice === 2 && this.lanes > 1)
      return splat(lane(load(inputs[type], this.i, this.lanes), this.next(this.lanes)), this.lanes);
    if (choice === 3 && this.lanes > 1 && type === "i32") return ramp(this.i, this.lanes);
    return load(inputs[type], this.i, this.lanes);
  }

  private float(type: "f32" | "f64", depth: number): Expr {
    const other = type === "f32" ? "f64" : "f32";
    switch (this.next(9)) {
      case 0:
        return cast(this.grow(this.pick([other, "i32", "i64"] as const), depth), type);
      case 1:
        return bitcast(this.grow(type === "f32" ? "i32" : "i64", depth), type);
      case 2:
        return unsignedCast(this.grow(this.pick(["i32", "i64"] as const), depth), type);
      case 3:
        return select(
          this.grow(this.pick(["m32", "m64"] as const), depth),
          this.grow(type, depth),
          this.grow(type, depth),
        );
      case 4:
      case 5:
        return unary(
          this.pick(["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest"] as const),
          this.grow(type, depth),
        );
      default:
        return binary(
          this.pick(["add", "sub", "mul", "div", "min", "max"] as const),
          this.grow(type, depth),
          this.grow(type, depth),
        );
    }
  }

  private int(type: "i32" | "i64", depth: number): Expr {
    const one = splat(constant(type, 1), this.lanes);
    switch (this.next(10)) {
      case 0:
        return cast(this.grow(this.pick(["f32", "f64", type === "i32" ? "i64" : "i32"] as const), depth), type);
      case 1:
        return bitcast(this.grow(type === "i32" ? "f32" : "f64", 0), type);
      case 2:
        return type === "i64" ? unsignedCast(this.grow("i32", depth), type) : unary("not", this.grow(type, depth));
      case 3:
        return select(
          this.grow(this.pick(["m32", "m64"] as const), depth),
          this.grow(type, depth),
          this.grow(type, depth),
        );
      case 4: {
        const x = this.grow("i32", depth);
        const by = this.lanes > 1 ? lane(x, this.next(this.lanes)) : x;
        return shift(this.pick(["shl", "shr", "ushr"] as const), this.grow(type, depth), by);
      }
      case 5:
        return binary(
          this.pick(["div", "rem"] as const),
          this.grow(type, depth),
          binary("or", this.grow(type, depth), one),
        );
      case 6:
        return unary(this.pick(["neg", "abs", "not"] as const), this.grow(type, depth));
      default:
        return binary(
          this.pick(["add", "sub", "mul", "min", "max", "and", "or", "xor"] as const),
          this.grow(type, depth),
          this.grow(type, depth),
        );
    }
  }

  private mask(type: "m32" | "m64", depth: number): Expr {
    if (depth > 0 && this.next(3) === 0) {
      const [x, y] = [this.mask(type, depth - 1), this.mask(type, depth - 1)];
      const choice = this.next(5);
      if (choice === 0) return unary("not", x);
      if (choice === 1) return maskCast(this.mask(type === "m32" ? "m64" : "m32", depth - 1), type);
      if (choice === 2 && this.lanes > 1) return splat(lane(x, this.next(this.lanes)), this.lanes);
      return binary(this.pick(["and", "or", "xor"] as const), x, y);
    }
    const of = this.pick(type === "m32" ? (["f32", "i32"] as const) : (["f64", "i64"] as const));
    const ops = ["lt", "le", "gt", "ge", "eq", "ne", ...(of.startsWith("i") ? ["ult"] : [])] as Parameters<
      typeof compare
    >[0][];
    return compare(this.pick(ops), this.grow(of, depth - 1), this.grow(of, depth - 1));
  }
}
