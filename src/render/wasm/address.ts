// Addresses of buffer elements: constant parts go into the instruction's offset, the rest onto the stack.

import { type Buf, type Expr, type Var, binary, constant, memBytes } from "../../kernel/expr.js";
import type { Frame } from "./frame.js";

/** No allocation lies below this address (see Heap), so an element's address minus up to this much never wraps. */
const LOWEST = 1024;

/** An index as `dynamic + constant`; `dynamic` is undefined where nothing is left. */
interface Split {
  readonly dynamic: Expr | undefined;
  readonly constant: number;
}

function splitIndex(e: Expr): Split {
  if (e.op === "const") return { dynamic: undefined, constant: e.value as number };
  if (e.op !== "add" && e.op !== "sub") return { dynamic: e, constant: 0 };
  const x = splitIndex(e.args[0]!);
  const y = splitIndex(e.args[1]!);
  if (x.constant === 0 && y.constant === 0) return { dynamic: e, constant: 0 };
  const sum = e.op === "add" ? x.constant + y.constant : x.constant - y.constant;
  if (!y.dynamic) return { dynamic: x.dynamic, constant: sum };
  return { dynamic: binary(e.op, x.dynamic ?? constant("i32", 0), y.dynamic), constant: sum };
}

/** Whether an integer is surely at least 0, index arithmetic never overflowing. */
export function isNonNegative(f: Frame, e: Expr): boolean {
  const [x, y] = e.args;
  switch (e.op) {
    case "const":
      return Number(e.value) >= 0;
    case "var":
      return f.nonNegative.has(e.value as Var);
    case "load":
      return (e.value as Buf).mem === "u8" || (e.value as Buf).mem === "u16";
    case "add":
    case "mul":
    case "div":
    case "min":
      return isNonNegative(f, x!) && isNonNegative(f, y!);
    case "rem":
    case "shr":
      return isNonNegative(f, x!);
    case "max":
    case "and":
      return isNonNegative(f, x!) || isNonNegative(f, y!);
    default:
      return false;
  }
}

/**
 * Pushes the address of element `index` (a scalar) without the constant part that it returns, to stand as the offset of the access.
 * An offset does not wrap as the sum of addresses does: a constant is split off only where what remains is surely not below 0.
 */
export function pushAddress(f: Frame, buf: Buf, index: Expr): number {
  const { code } = f;
  const bytes = memBytes[buf.mem];
  const { dynamic, constant: elements } = splitIndex(index);
  const offset = elements * bytes;
  const fits = offset >= 0 && offset < 2 ** 31 && (offset <= LOWEST || !dynamic || isNonNegative(f, dynamic));
  code.get(f.base(buf));
  if (dynamic) {
    pushScaled(f, dynamic, bytes);
    code.op("i32.add");
  }
  if (fits) return offset;
  code.i32(offset);
  code.op("i32.add");
  return 0;
}

/** Pushes `e * bytes`; a constant factor of `e` joins in. */
function pushScaled(f: Frame, e: Expr, bytes: number): void {
  const { code } = f;
  const factor = e.op === "mul" ? e.args.findIndex((a) => a.op === "const") : -1;
  const scale = factor < 0 ? bytes : Math.imul(bytes, e.args[factor]!.value as number);
  f.scalar(f, factor < 0 ? e : e.args[1 - factor]!);
  if (scale === 1) return;
  const power = 31 - Math.clz32(scale);
  const isPower = scale === 1 << power;
  code.i32(isPower ? power : scale);
  code.op(isPower ? "i32.shl" : "i32.mul");
}
