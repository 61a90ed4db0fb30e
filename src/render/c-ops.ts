// How each op is spelt in C: operators, and helper functions where C has none that means the same for vectors.

import { BugError } from "../core/errors.js";
import { type Expr, type ExprOp, isMask, type KType } from "../kernel/expr.js";
import { spellVectorFma } from "./c-fma.js";
import { baseType, bits, valueType, vectorTypedef } from "./c-types.js";

/** Declarations that the code of a kernel needs before it, by name, in order of first use. */
export class Helpers {
  readonly declarations = new Map<string, string>();

  /** The vector type's name, declared. */
  vector(base: string, lanes: number): string {
    return this.declare(`${base}x${lanes}`, () => vectorTypedef(base, lanes));
  }

  /** Declares the type of a value and names it. */
  type(type: KType, lanes: number): string {
    return lanes > 1 ? this.vector(baseType(type), lanes) : valueType(type, 1);
  }

  declare(name: string, text: () => string): string {
    if (!this.declarations.has(name)) this.declarations.set(name, text());
    return name;
  }

  /** A function that applies `lane`, an expression of x, y, z with `[k]` where they are vectors, to every lane. */
  lanewise(name: string, result: string, lanes: number, parameters: readonly string[], lane: string): string {
    const list = parameters.map((p, i) => `${p} ${"xyz"[i]}`).join(", ");
    const body = lanes > 1 ? `${result} r; LANES(${lanes}) r[k] = ${lane}; return r;` : `return ${lane};`;
    return this.declare(name, () => `INLINE ${result} ${name}(${list}) { ${body} }\n`);
  }
}

const infix: { readonly [op in ExprOp]?: string } = { add: "+", sub: "-", mul: "*", and: "&", or: "|", xor: "^" };
const comparison: { readonly [op in ExprOp]?: string } = { lt: "<", le: "<=", gt: ">", ge: ">=", eq: "==", ne: "!=" };
const isFloat = (t: KType): boolean => t === "f32" || t === "f64";

/** Lane formulas for ops without an operator; X, Y, Z stand for the operands' lanes, F for the builtins' suffix. */
const floatFormula: { readonly [op in ExprOp]?: string } = {
  abs: "__builtin_fabsF(X)",
  sqrt: "__builtin_sqrtF(X)",
  floor: "__builtin_floorF(X)",
  ceil: "__builtin_ceilF(X)",
  trunc: "__builtin_truncF(X)",
  nearest: "__builtin_rintF(X)",
  min: "Y < X ? Y : X",
  max: "X < Y ? Y : X",
};

// The quotient of the smallest integer by -1 wraps; the processor's division would trap.
const intFormula: { readonly [op in ExprOp]?: string } = {
  abs: "X < 0 ? -X : X",
  div: "Y == -1 ? -X : X / Y",
  rem: "Y == -1 ? 0 : X % Y",
  min: "Y < X ? Y : X",
  max: "X < Y ? Y : X",
};

/** The C expression of an element-wise op on operands already spelt, of which vectors have `lanes` lanes. */
export function spell(e: Expr, lanes: number, args: readonly string[], helpers: Helpers): string {
  const [x, y, z] = args as [string, string, string];
  const from = e.args[0]!.type;
  const type = helpers.type(e.type, lanes);
  const operator = infix[e.op];
  if (operator !== undefined) return `(${x} ${operator} ${y})`;
  const relation = comparison[e.op];
  if (relation !== undefined) return lanes > 1 ? `(${type})(${x} ${relation} ${y})` : `(${x} ${relation} ${y})`;
  switch (e.op) {
    case "neg":
      return `(-${x})`;
    case "not":
      return isMask(e.type) && lanes === 1 ? `(!${x})` : `(~${x})`;
    case "div":
      if (isFloat(from) || isSafeDivisor(e.args[1]!)) return `(${x} / ${y})`;
      return formula(e, lanes, args, helpers);
    case "rem":
      return isSafeDivisor(e.args[1]!) ? `(${x} % ${y})` : formula(e, lanes, args, helpers);
    case "ult": {
      const unsigned = unsignedType(from, lanes, helpers);
      return lanes > 1 ? `(${type})((${unsigned})${x} < (${unsigned})${y})` : `((${unsigned})${x} < (${unsigned})${y})`;
    }
    case "shl":
    case "shr":
    case "ushr":
      return shifted(e, lanes, x, y, helpers);
    case "fma":
      if (lanes > 1) return `${spellVectorFma(e.type, lanes, helpers)}(${x}, ${y}, ${z})`;
      return `FMA_${type.toUpperCase()}(${x}, ${y}, ${z})`;
    case "select":
      return lanes > 1 ? formula(e, lanes, args, helpers) : `(${x} ? ${y} : ${z})`;
    case "cast":
      return isFloat(from) && !isFloat(e.type) ? saturating(e, lanes, x, helpers) : converted(lanes, type, x);
    case "ucast":
      return converted(lanes, type, converted(lanes, unsignedType(from, lanes, helpers), x, true));
    case "maskcast":
      return lanes > 1 ? converted(lanes, type, x) : x;
    case "bitcast":
      return lanes > 1 ? `(${type})${x}` : `${pun(helpers.type(from, 1), type, helpers)}(${x})`;
    default:
      return formula(e, lanes, args, helpers);
  }
}

/** Splats a scalar; the lanes of a true mask are -1. */
export function spellSplat(of: KType, lanes: number, x: string, helpers: Helpers): string {
  const type = helpers.type(of, lanes);
  const base = baseType(of);
  const name = helpers.declare(
    `splat_${type}`,
    () => `INLINE ${type} splat_${type}(${base} x) { return (${type}){${new Array(lanes).fill("x").join(", ")}}; }\n`,
  );
  return isMask(of) ? `${name}(-(${base})${x})` : `${name}(${x})`;
}

/** `x + first, x + first + 1, …`. */
export function spellRamp(of: KType, lanes: number, x: string, first: number, helpers: Helpers): string {
  const type = helpers.type(of, lanes);
  const steps = Array.from({ length: lanes }, (_, k) => first + k).join(", ");
  return `(${spellSplat(of, lanes, x, helpers)} + (${type}){${steps}})`;
}

/** `x0, y0, x1, y1, …` of the low or high halves of two registers. */
export function spellZip(of: KType, lanes: number, high: boolean, x: string, y: string, helpers: Helpers): string {
  const type = helpers.type(of, lanes);
  const mask = helpers.vector(bits[baseType(of)] === 64 ? "i64" : "i32", lanes);
  const from = high ? lanes / 2 : 0;
  const order = Array.from({ length: lanes }, (_, k) => from + (k >> 1) + (k % 2) * lanes).join(", ");
  const name = helpers.declare(
    `zip${high ? "High" : "Low"}_${type}`,
    () =>
      `INLINE ${type} zip${high ? "High" : "Low"}_${type}(${type} x, ${type} y) {\n` +
      `#ifdef __clang__\n  return __builtin_shufflevector(x, y, ${order});\n` +
      `#else\n  return __builtin_shuffle(x, y, (${mask}){${order}});\n#endif\n}\n`,
  );
  return `${name}(${x}, ${y})`;
}

/** Whether dividing by `y` can neither trap nor overflow. */
function isSafeDivisor(y: Expr): boolean {
  const c = y.op === "splat" ? y.args[0]! : y;
  return c.op === "const" && Number(c.value) !== 0 && Number(c.value) !== -1;
}

function formula(e: Expr, lanes: number, args: readonly string[], helpers: Helpers): string {
  const type = helpers.type(e.type, lanes);
  const float = isFloat(e.type);
  let text = (float ? floatFormula : intFormula)[e.op];
  if (e.op === "select") text = "X ? Y : Z";
  if (text === undefined) throw new BugError(`the C renderer has no spelling for ${e.op} on ${e.type}`);
  const lane = lanes > 1 ? "[k]" : "";
  const spelt = text
    .replace(/F\(X\)/, e.type === "f32" ? "f(X)" : "(X)")
    .replace(/\b[XYZ]\b/g, (v) => v.toLowerCase() + lane);
  const parameters = e.args.map((a) => helpers.type(a.type, a.lanes > 1 ? lanes : 1));
  return `${helpers.lanewise(`${e.op}_${type}`, type, lanes, parameters, spelt)}(${args.join(", ")})`;
}

function unsignedType(t: KType, lanes: number, helpers: Helpers): string {
  const base = bits[baseType(t)] === 64 ? "u64" : "u32";
  return lanes > 1 ? helpers.vector(base, lanes) : base;
}

function shifted(e: Expr, lanes: number, x: string, y: string, helpers: Helpers): string {
  const type = helpers.type(e.type, lanes);
  const by = `(${y} & ${bits[baseType(e.type)]! - 1})`;
  if (e.op === "shr") return `(${x} >> ${by})`;
  return `(${type})((${unsignedType(e.type, lanes, helpers)})${x} ${e.op === "shl" ? "<<" : ">>"} ${by})`;
}

/** Numeric conversion; `reinterpret` keeps the bits, as from signed to unsigned. */
function converted(lanes: number, to: string, x: string, reinterpret = false): string {
  return lanes > 1 && !reinterpret ? `__builtin_convertvector(${x}, ${to})` : `(${to})${x}`;
}

function pun(from: string, to: string, helpers: Helpers): string {
  const name = `bits_${from}_${to}`;
  return helpers.declare(
    name,
    () => `INLINE ${to} ${name}(${from} x) { ${to} r; __builtin_memcpy(&r, &x, sizeof r); return r; }\n`,
  );
}

/** Float to integer as the language defines it; C leaves values out of range undefined, so they are taken out first. */
function saturating(e: Expr, lanes: number, x: string, helpers: Helpers): string {
  const from = e.args[0]!;
  const source = helpers.type(from.type, lanes);
  const type = helpers.type(e.type, lanes);
  const bound = `0x1p${bits[e.type]! - 1}${from.type === "f32" ? "f" : ""}`;
  const max = e.type === "i32" ? "2147483647" : "9223372036854775807LL";
  const name = `sat_${source}_${type}`;
  if (lanes === 1) {
    const text = `x != x ? 0 : x >= ${bound} ? ${max} : x < -${bound} ? -${max} - 1 : (${type})x`;
    return `${helpers.lanewise(name, type, 1, [source], text)}(${x})`;
  }
  const mask = helpers.vector(bits[from.type] === 64 ? "i64" : "i32", lanes);
  const wide = (m: string): string => (mask === type ? m : `__builtin_convertvector(${m}, ${type})`);
  helpers.declare(
    name,
    () =>
      `INLINE ${type} ${name}(${source} x) {\n` +
      `  const ${mask} high = x >= ${bound}, low = x < -${bound}, least = (${mask})((${source}){} - ${bound});\n` +
      `  const ${source} inside = (${source})(((${mask})x & (x < ${bound}) & ~low) | (least & low));\n` +
      `  return __builtin_convertvector(inside, ${type}) | (${wide("high")} & ${max});\n}\n`,
  );
  return `${name}(${x})`;
}
