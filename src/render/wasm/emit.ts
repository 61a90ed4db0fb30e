// Kernels to a WebAssembly module: each becomes the exported function `k0`, `k1`, … of (args, begin, end, thread).

import { Arg, Buf, type Expr, Var, binary, compare, memBytes, read, select } from "../../kernel/expr.js";
import { type Combine, type Kernel, type Stmt, bodies, expressions, scratchBytes } from "../../kernel/stmt.js";
import { isNonNegative } from "./address.js";
import { type Code, Module } from "./assembler.js";
import { Frame, type WasmFeatures, pieceCount } from "./frame.js";
import { emitStore } from "./memory.js";
import { valType } from "./ops.js";
import { pushScalar } from "./scalar.js";
import { vectorPieces } from "./vector.js";

/**
 * Renders kernels as one module that imports `env.memory`.
 *
 * @param kernels scheduled kernels; kernel number i is exported as `k<i>`
 * @returns the module's bytes
 *
 * @example
 * ```ts
 * const module = new WebAssembly.Module(emitModule(kernels, { shared: true, relaxed: false }));
 * ```
 */
export function emitModule(kernels: readonly Kernel[], features: WasmFeatures): Uint8Array<ArrayBuffer> {
  const module = new Module(features.shared);
  kernels.forEach((kernel, i) => {
    module.func(`k${i}`, emitKernel(kernel, features));
  });
  return module.build();
}

function emitKernel(kernel: Kernel, features: WasmFeatures): Code {
  const f = new Frame(features, pushScalar, vectorPieces);
  const { code } = f;
  const used = collectUsed(kernel.body);
  for (const arg of kernel.scalars) if (used.has(arg)) f.loadArgument(arg);
  for (const buf of kernel.buffers) if (used.has(buf)) f.loadBase(buf);
  f.loadScratch(
    kernel.scratchSlot,
    kernel.scratch,
    scratchBytes(kernel, (mem) => memBytes[mem]),
  );
  f.bind(kernel.block, 1);
  f.nonNegative.add(kernel.block);
  const whileBlocksLeft = (): void => {
    code.get(1);
    code.get(2);
    code.op("i32.lt_s");
  };
  whileBlocksLeft();
  code.if();
  const again = code.loop();
  emitBlock(f, kernel.body);
  code.get(1);
  code.i32(1);
  code.op("i32.add");
  code.set(1);
  whileBlocksLeft();
  code.brIf(again);
  code.end();
  code.end();
  return code;
}

/** The buffers and arguments that statements touch. */
function collectUsed(body: readonly Stmt[]): ReadonlySet<unknown> {
  const used = new Set<unknown>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.value instanceof Buf || e.value instanceof Arg) used.add(e.value);
    e.args.forEach(visit);
  };
  const walk = (block: readonly Stmt[]): void => {
    for (const stmt of block) {
      if (stmt.s === "store") used.add(stmt.buf);
      expressions(stmt).forEach(visit);
      bodies(stmt).forEach(walk);
    }
  };
  walk(body);
  return used;
}

function emitBlock(f: Frame, block: readonly Stmt[]): void {
  const declared: Var[] = [];
  for (const stmt of block) {
    emitStmt(f, stmt);
    if (stmt.s === "let") declared.push(stmt.v);
    f.release();
  }
  for (const v of declared) f.forget(v);
}

function emitStmt(f: Frame, stmt: Stmt): void {
  switch (stmt.s) {
    case "for":
      return emitFor(f, stmt);
    case "if":
      return emitIf(f, stmt);
    case "while":
      return emitWhile(f, stmt);
    case "let":
      f.declare(stmt.v);
      if (!stmt.mutable && stmt.v.lanes === 1 && isNonNegative(f, stmt.value)) f.nonNegative.add(stmt.v);
      return emitAssign(f, stmt.v, stmt.value);
    case "set":
      return emitAssign(f, stmt.v, stmt.value);
    case "accumulate":
      return emitAccumulate(f, stmt.v, stmt.combine, stmt.value);
    case "store":
      return emitStore(f, stmt.buf, stmt.index, stmt.value);
  }
}

function emitAssign(f: Frame, v: Var, value: Expr): void {
  const locals = f.locals(v);
  if (v.lanes === 1) {
    f.scalar(f, value);
    return f.code.set(locals[0]!);
  }
  const pieces = f.vector(f, value);
  for (let p = 0; p < pieceCount(v); p++) {
    pieces(p);
    f.code.set(locals[p]!);
  }
}

/** What is left of `accumulate` after scheduling: `v = v op value`, where a NaN on either side wins and a tie keeps v. */
function emitAccumulate(f: Frame, v: Var, combine: Combine, value: Expr): void {
  const old = read(v);
  if (combine === "add" || combine === "mul") return emitAssign(f, v, binary(combine, old, value));
  const kept = new Var("x", value.type, value.lanes);
  f.declare(kept);
  emitAssign(f, kept, value);
  const x = read(kept);
  const better = combine === "min" ? compare("lt", x, old) : compare("gt", x, old);
  emitAssign(f, v, select(binary("or", better, compare("ne", x, x)), x, old));
  f.forget(kept);
}

function emitIf(f: Frame, stmt: Extract<Stmt, { s: "if" }>): void {
  const { code } = f;
  f.scalar(f, stmt.cond);
  f.release();
  code.if();
  emitBlock(f, stmt.then);
  if (stmt.else.length > 0) {
    code.else();
    emitBlock(f, stmt.else);
  }
  code.end();
}

function emitWhile(f: Frame, stmt: Extract<Stmt, { s: "while" }>): void {
  const { code } = f;
  const done = code.block();
  const again = code.loop();
  f.scalar(f, stmt.cond);
  f.release();
  code.op("i32.eqz");
  code.brIf(done);
  emitBlock(f, stmt.body);
  code.br(again);
  code.end();
  code.end();
}

/** `v = from; if (v < to) do { … v += step } while (v < to)`, with `to` computed once. */
function emitFor(f: Frame, stmt: Extract<Stmt, { s: "for" }>): void {
  const { code } = f;
  const type = valType(stmt.v.type) as "i32" | "i64";
  const limit = stmt.to.op === "const" || stmt.to.op === "arg" ? undefined : f.take(type);
  if (limit !== undefined) {
    f.scalar(f, stmt.to);
    code.set(limit);
  }
  const [v] = f.declare(stmt.v) as [number];
  f.scalar(f, stmt.from);
  code.set(v);
  f.release();
  if (isNonNegative(f, stmt.from)) f.nonNegative.add(stmt.v);
  const goesOn = (): void => {
    code.get(v);
    if (limit !== undefined) code.get(limit);
    else f.scalar(f, stmt.to);
    code.op(`${type}.lt_s`);
  };
  const sure = stmt.from.op === "const" && stmt.to.op === "const" && Number(stmt.from.value) < Number(stmt.to.value);
  if (!sure) {
    goesOn();
    code.if();
  }
  const again = code.loop();
  emitBlock(f, stmt.body);
  code.get(v);
  if (type === "i32") code.i32(stmt.step);
  else code.i64(BigInt(stmt.step));
  code.op(`${type}.add`);
  code.tee(v);
  if (limit !== undefined) code.get(limit);
  else f.scalar(f, stmt.to);
  code.op(`${type}.lt_s`);
  code.brIf(again);
  code.end();
  if (!sure) code.end();
  f.forget(stmt.v);
  if (limit !== undefined) f.give(type, limit);
}
