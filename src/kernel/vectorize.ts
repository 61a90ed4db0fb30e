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
 * A `lanes` loop as vector loops of falling width and a serial rest. A loop without accumulators may take `wide` vectors (a power of 2)
 * through its inner loops side by side, which keeps that many registers busy; where the length is known, what is left after them goes
 * through at once, too, in vectors of the usual and of narrow width: its elements do not depend on how they are grouped. Accumulators
 * combine in one width, so that the tree of their sum is the same everywhere.
 */
function vectorLoops(loop: Loop): Stmt[] | undefined {
  const first = new LoopVectorizer(loop);
  const base = first.width;
  const { wide = 1 } = loop;
  const count = binary("sub", loop.to, loop.from);
  const known = count.op === "const" ? (count.value as number) : undefined;
  if (first.accumulates || (known === undefined && wide === 1))
    return first.run(known === undefined || known % base !== 0);
  if (!first.isLegal || (known !== undefined && known < narrowLanes)) return undefined;
  const group = times(wide, base);
  if (known === undefined) return fallingWidths(loop, [group, [base], [narrowLanes]]);
  const left = wide > 1 ? known % (base * wide) : 0;
  const rest = [
    ...times(Math.floor(left / base), base),
    ...times(Math.floor((left % base) / narrowLanes), narrowLanes),
  ];
  return knownWidths(loop, known, wide > 1 ? [group, rest] : [[base], [narrowLanes]]);
}

const times = (n: number, x: number): number[] => new Array<number>(n).fill(x);

const sizeOf = (widths: readonly number[]): number => widths.reduce((n, width) => n + width, 0);

/** A loop of known length: as many groups of the first widths as fit, then of the second, and a serial rest. */
function knownWidths(loop: Loop, count: number, groups: readonly (readonly number[])[]): Stmt[] {
  const out: Stmt[] = [];
  let { from } = loop;
  let left = count;
  for (const widths of groups) {
    const size = sizeOf(widths);
    if (size === 0 || left < size) continue;
    const taken = left - (left % size);
    const to = binary("add", from, constant("i32", taken));
    out.push(...grouped({ ...loop, from, to }, widths));
    from = to;
    left -= taken;
  }
  if (left > 0) out.push({ ...renamed({ ...loop, from }), kind: "serial" });
  return out;
}

/** A loop of unknown length: as many groups of each of the falling widths as fit, and a serial rest. */
function fallingWidths(loop: Loop, groups: readonly (readonly number[])[]): Stmt[] {
  const out: Stmt[] = [];
  let { from } = loop;
  for (const widths of groups) {
    const end = new Var("end", "i32");
    const left = binary("max", binary("sub", loop.to, from), constant("i32", 0));
    const value = binary("add", from, binary("and", left, constant("i32", -sizeOf(widths))));
    out.push({ s: "let", v: end, value, mutable: false });
    out.push(...grouped({ ...loop, from, to: read(end) }, widths));
    from = read(end);
  }
  return [...out, { ...renamed({ ...loop, from }), kind: "serial" }];
}

/** A loop over whole groups of iterations in vectors of these widths. */
function grouped(loop: Loop, widths: readonly number[]): Stmt[] {
  const copy = renamed(loop);
  const [width = 0, ...others] = widths;
  if (others.length === 0) return new LoopVectorizer(copy, width).run(false)!;
  const v = new Var(loop.v.name, "i32");
  const body = sideBySide({ ...copy, from: read(v) }, widths);
  return [{ s: "for", v, from: loop.from, to: loop.to, step: sizeOf(widths), kind: "serial", body }];
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
