// The loops of a recurrent layer over its time steps: forward, and against time for the gradient.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { type Cell, type CellMode, cells } from "./recurrence-cells.js";
import { packPanels } from "./panels.js";
import { multiplyRows } from "./recurrence-product.js";

const one = constant("i32", 1);

/** Register tiles of rows that one block carries through time, at most: they share each panel of weights while it is in the cache. */
const BLOCK_TILES = 2;

/** How a layer runs through its sequences; see `layerAttrs` of the op. */
export interface LayerAttrs {
  readonly mode: CellMode;
  readonly reverse: boolean;
  readonly timeMajor: boolean;
  readonly zeroPadding: boolean;
}

/** Extents and places that both passes use. */
class Layout {
  readonly time: Expr;
  readonly batch: Expr;
  readonly hidden: Expr;
  readonly cell: Cell;
  readonly type: "f32" | "f64";
  /** Rows of a block, and number of blocks. */
  readonly rows: Expr;
  readonly blocks: Expr;

  constructor(
    private readonly b: KernelContext,
    like: Pick<Ref, "extent" | "type">,
    hidden: Expr,
    readonly attrs: LayerAttrs,
  ) {
    this.time = like.extent(attrs.timeMajor ? 0 : 1);
    this.batch = like.extent(attrs.timeMajor ? 1 : 0);
    this.hidden = hidden;
    this.cell = cells[attrs.mode];
    this.type = like.type === "f64" ? "f64" : "f32";
    const tiles = ceilDiv(this.batch, b.target.gemm.rows);
    this.rows = k.mul(k.min(BLOCK_TILES, tiles), b.target.gemm.rows);
    this.blocks = k.select(k.gt(this.batch, 0), ceilDiv(this.batch, k.max(this.rows, 1)), 0);
    b.cost([this.time, this.batch, hidden, k.mul(hidden, this.cell.gates)]);
  }

  /** The place of a step of a sequence among all of them. */
  at(t: Expr, row: Expr): Expr {
    return this.attrs.timeMajor ? k.add(k.mul(t, this.batch), row) : k.add(k.mul(row, this.time), t);
  }

  /** Room for whole tiles of rows. */
  matrix(name: string, columns: Expr): Buf {
    return this.b.temp(name, this.type, k.mul(k.mul(this.blocks, this.rows), columns));
  }

  /** Steps in the order of the layer, or (`back`) against it. */
  steps(back: boolean, body: (t: Expr) => void): void {
    const { b, time, attrs } = this;
    b.for(0, time, (s) => body(attrs.reverse === back ? s : b.let(k.sub(k.sub(time, 1), s), "t")));
  }

  /** Whether a step lies within its sequence; undefined: all do. */
  valid(lengths: Ref | undefined, t: Expr, row: Expr): Expr | undefined {
    return lengths && this.b.let(k.lt(t, k.cast(lengths.at(row), "i32")), "valid");
  }
}

/** Operands of a layer. */
export interface ForwardInputs {
  readonly x: Ref;
  readonly weight: Ref;
  readonly bias: Ref;
  readonly state: Ref | undefined;
  readonly lengths: Ref | undefined;
}

/** Emits a layer: each block carries some sequences through all steps. */
export function emitForward(
  b: KernelContext,
  { x, weight, bias, state, lengths }: ForwardInputs,
  outs: { readonly out: OutRef; readonly last: OutRef; readonly before: OutRef; readonly kept: OutRef },
  attrs: LayerAttrs,
): void {
  const hidden = weight.extent(1);
  const at = new Layout(b, x, hidden, attrs);
  const { batch, cell, type } = at;
  const width = weight.extent(0);
  const panels = packPanels(b, "panels", {
    type,
    batches: one,
    depth: hidden,
    width,
    at: (_, d, j) => weight.at(j, d),
    adjacent: weight.buf && { buf: weight.buf, place: (_, j) => k.mul(j, hidden) },
  });
  const stride = k.mul(panels.count, panels.columns);
  const sums = at.matrix("sums", stride);
  const last = outs.last.buf!;
  const stateAt = (s: number, row: Expr): Expr => k.mul(k.add(k.mul(batch, s), row), hidden);
  b.parallel(at.blocks, (block) => {
    const from = b.let(k.mul(block, at.rows), "from");
    const to = b.let(k.min(k.add(from, at.rows), batch), "to");
    for (let s = 0; s < cell.states; s++) {
      b.for(from, to, (row) => {
        const start = b.let(stateAt(s, row));
        b.lanes(0, hidden, (u) => {
          const place = k.add(start, u);
          b.store(last, place, state ? state.flat(place) : constant(type, 0));
        });
      });
    }
    at.steps(false, (t) => {
      multiplyRows(b, { buf: last, first: (row) => stateAt(0, row), count: batch }, from, to, panels, sums);
      b.for(from, to, (row) => {
        const step = b.let(at.at(t, row), "step");
        const inside = at.valid(lengths, t, row);
        const sum = b.let(k.mul(row, stride));
        const starts = Array.from({ length: cell.states }, (_, s) => b.let(stateAt(s, row)));
        const [xAt, outAt, keptAt] = [width, hidden, k.mul(hidden, cell.kept)].map((n) => b.let(k.mul(step, n)));
        b.lanes(0, hidden, (u) => {
          const gate = (i: number): Expr => k.add(k.mul(hidden, i), u);
          const states = starts.map((start) => b.let(b.load(last, k.add(start, u)), "state"));
          const gates = Array.from({ length: cell.gates }, (_, i) => i);
          const next = cell.step({
            x: gates.map((i) => b.let(x.flat(k.add(xAt!, gate(i))))),
            h: gates.map((i) => b.let(k.add(b.load(sums, k.add(sum, gate(i))), bias.at(gate(i))))),
            states,
          });
          const made = next.states.map((value) => b.let(value));
          outs.before.setFlat(k.add(outAt!, u), states[0]!);
          next.kept.forEach((value, i) => outs.kept.setFlat(k.add(keptAt!, gate(i)), value));
          const shown = inside && attrs.zeroPadding ? k.select(inside, made[0]!, 0) : made[0]!;
          outs.out.setFlat(k.add(outAt!, u), shown);
          made.forEach((value, s) =>
            b.store(last, k.add(starts[s]!, u), inside ? k.select(inside, value, states[s]!) : value),
          );
        });
      });
    });
  });
}

/** Operands of a layer's gradient. */
export interface BackwardInputs {
  readonly before: Ref;
  readonly kept: Ref;
  readonly weight: Ref;
  readonly d: Ref;
  readonly dlast: Ref;
  readonly lengths: Ref | undefined;
}

/** Emits the gradient of a layer, from the last step that ran to the first. */
export function emitBackward(
  b: KernelContext,
  { before, kept, weight, d, dlast, lengths }: BackwardInputs,
  outs: { readonly dx: OutRef; readonly dh: OutRef; readonly dstate: OutRef },
  attrs: LayerAttrs,
): void {
  const hidden = weight.extent(1);
  const at = new Layout(b, d, hidden, attrs);
  const { batch, cell, type } = at;
  const width = weight.extent(0);
  const panels = packPanels(b, "panels", {
    type,
    batches: one,
    depth: width,
    width: hidden,
    at: (_, j, u) => weight.at(j, u),
  });
  const stride = k.mul(panels.count, panels.columns);
  const sums = at.matrix("sums", stride);
  const running = outs.dstate.buf!;
  const products = (cell.separate ? outs.dh : outs.dx).buf!;
  const stateAt = (s: number, row: Expr): Expr => k.mul(k.add(k.mul(batch, s), row), hidden);
  b.parallel(at.blocks, (block) => {
    const from = b.let(k.mul(block, at.rows), "from");
    const to = b.let(k.min(k.add(from, at.rows), batch), "to");
    b.for(from, to, (row) => {
      for (let s = 0; s < cell.states; s++) {
        const start = b.let(stateAt(s, row));
        b.lanes(0, hidden, (u) => b.store(running, k.add(start, u), dlast.flat(k.add(start, u))));
      }
      const sum = b.let(k.mul(row, stride));
      b.lanes(0, hidden, (u) => b.store(sums, k.add(sum, u), constant(type, 0)));
    });
    at.steps(true, (t) => {
      b.for(from, to, (row) => {
        const step = b.let(at.at(t, row), "step");
        const inside = at.valid(lengths, t, row);
        const sum = b.let(k.mul(row, stride));
        const starts = Array.from({ length: cell.states }, (_, s) => b.let(stateAt(s, row)));
        const [xAt, outAt, keptAt] = [width, hidden, k.mul(hidden, cell.kept)].map((n) => b.let(k.mul(step, n)));
        b.lanes(0, hidden, (u) => {
          const gate = (i: number): Expr => k.add(k.mul(hidden, i), u);
          const flowing = starts.map((start, s) => {
            const direct = b.load(running, k.add(start, u));
            return b.let(s === 0 ? k.add(direct, b.load(sums, k.add(sum, u))) : direct, "flowing");
          });
          const shown = d.flat(k.add(outAt!, u));
          const given = b.let(inside && attrs.zeroPadding ? k.select(inside, shown, 0) : shown);
          const into = flowing.map((value, s) => {
            const passed = inside ? k.select(inside, value, 0) : value;
            return b.let(s === 0 ? k.add(passed, given) : passed);
          });
          const back = cell.reverse({
            kept: Array.from({ length: cell.kept }, (_, i) => b.let(kept.flat(k.add(keptAt!, gate(i))))),
            before: b.let(before.flat(k.add(outAt!, u))),
            d: into,
          });
          const carried = back.states.map((value, s) =>
            b.let(inside ? k.select(inside, value, k.add(value, flowing[s]!)) : value),
          );
          back.x.forEach((value, i) => outs.dx.setFlat(k.add(xAt!, gate(i)), value));
          if (cell.separate) back.h.forEach((value, i) => outs.dh.setFlat(k.add(xAt!, gate(i)), value));
          carried.forEach((value, s) => b.store(running, k.add(starts[s]!, u), value));
        });
      });
      const first = (row: Expr): Expr => k.mul(at.at(t, row), width);
      multiplyRows(b, { buf: products, first, count: batch }, from, to, panels, sums);
    });
    b.for(from, to, (row) => {
      const [start, sum] = [b.let(stateAt(0, row)), b.let(k.mul(row, stride))];
      b.lanes(0, hidden, (u) => {
        const place = k.add(start, u);
        b.store(running, place, k.add(b.load(running, place), b.load(sums, k.add(sum, u))));
      });
    });
  });
}
