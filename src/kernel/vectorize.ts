// Pass: turns `lanes` loops into vector loops of one fixed width on every target, so that all targets round alike.

import { binary, constant, read, Var } from "./expr.js";
import { type Loop, LoopVectorizer, renamed } from "./loop-vectorizer.js";
import { type Stmt, bodies, mapStmt } from "./stmt.js";

export { combineExprs, identityOf } from "./combine.js";
export { vectorBytes } from "./loop-vectorizer.js";

/** Rewrites every `lanes` loop: vectors where each iteration is straight-line, plain serial code elsewhere. */
export function vectorize(block: readonly Stmt[]): readonly Stmt[] {
  return block.flatMap((stmt) => {
    if (stmt.s === "for" && stmt.kind === "lanes") {
      const loop = { ...stmt, body: stmt.body.map(serialInside) };
      return vectorLoops(loop) ?? [{ ...loop, kind: "serial" as const, body: vectorize(stmt.body) }];
    }
    return [mapStmt(stmt, (e) => e, vectorize)];
  });
}

/** Lanes of the narrow vectors that finish a loop whose length is known. */
const narrowLanes = 4;

/**
 * A `lanes` loop as vector loops of falling width and a serial rest. A loop without accumulators may begin with vectors `wide` (a power
 * of 2) times as wide, which keeps that many registers busy in inner loops. Where the length is known, what is left after them goes
 * through the inner loops at once, in vectors of the usual and of narrow width side by side: its elements do not depend on how they are
 * grouped. Accumulators combine in one width, so that the tree of their sum is the same everywhere.
 */
function vectorLoops(loop: Loop): Stmt[] | undefined {
  const first = new LoopVectorizer(loop);
  const base = first.width;
  const count = binary("sub", loop.to, loop.from);
  const known = count.op === "const" ? (count.value as number) : undefined;
  if (first.accumulates || (known === undefined && (loop.wide ?? 1) === 1))
    return first.run(known === undefined || known % base !== 0);
  if (known === undefined) return first.isLegal ? fallingWidths(loop, base) : undefined;
  if (known < narrowLanes || !first.isLegal) return undefined;
  const out: Stmt[] = [];
  let from = loop.from;
  let left = known;
  const loopOf = (width: number): void => {
    const size = left - (left % width);
    if (size === 0) return;
    const to = binary("add", from, constant("i32", size));
    const part = new LoopVectorizer(renamed({ ...loop, from, to }), width);
    out.push(...part.run(false)!);
    from = to;
    left -= size;
  };
  const { wide = 1 } = loop;
  if (wide > 1) {
    loopOf(base * wide);
    const widths = [base, narrowLanes].flatMap((width, i) =>
      new Array<number>(Math.floor((i === 0 ? left : left % base) / width)).fill(width),
    );
    if (widths.length > 0) out.push(...sideBySide(renamed({ ...loop, from }), widths));
    from = binary("add", from, constant("i32", left - (left % narrowLanes)));
    left %= narrowLanes;
  } else for (const width of [base, narrowLanes]) loopOf(width);
  if (left > 0) out.push({ ...renamed({ ...loop, from }), kind: "serial" });
  return out;
}

/** A loop of unknown length as vector loops of falling width and a serial rest. */
function fallingWidths(loop: Loop, base: number): Stmt[] {
  const out: Stmt[] = [];
  let { from } = loop;
  for (const width of new Set([base * (loop.wide ?? 1), base, narrowLanes])) {
    const end = new Var("end", "i32");
    const left = binary("max", binary("sub", loop.to, from), constant("i32", 0));
    const value = binary("add", from, binary("and", left, constant("i32", -width)));
    out.push({ s: "let", v: end, value, mutable: false });
    out.push(...new LoopVectorizer(renamed({ ...loop, from, to: read(end) }), width).run(false)!);
    from = read(end);
  }
  return [...out, { ...renamed({ ...loop, from }), kind: "serial" }];
}

/** The iterations from the loop's start in vectors of these widths, which share one run of its inner loops. */
function sideBySide(loop: Loop, widths: readonly number[]): Stmt[] {
  let from = loop.from;
  const parts = widths.map((width) => {
    const part = new LoopVectorizer(loop, width, from);
    from = binary("add", from, constant("i32", width));
    return part;
  });
  const [first] = parts;
  const zip = (block: readonly Stmt[]): Stmt[] => {
    const out: Stmt[] = [];
    // Straight code goes part by part, so that few values live at once.
    let straight: Stmt[] = [];
    const flush = (): void => {
      for (const part of parts) out.push(...part.block(straight));
      straight = [];
    };
    for (const stmt of block) {
      const control = bodies(stmt).length > 0;
      if (!control && !first!.isShared(stmt)) {
        straight.push(stmt);
        continue;
      }
      flush();
      if (control) out.push(mapStmt(stmt, (e) => first!.scalar(e), zip));
      else out.push(...first!.block([stmt]));
    }
    flush();
    return out;
  };
  return zip(loop.body);
}

/** Inside a vector loop, inner `lanes` loops run serially. */
function serialInside(stmt: Stmt): Stmt {
  const inner = mapStmt(
    stmt,
    (e) => e,
    (b) => b.map(serialInside),
  );
  return inner.s === "for" && inner.kind === "lanes" ? { ...inner, kind: "serial" } : inner;
}
