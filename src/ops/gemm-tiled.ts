// Matrix multiplication by register tiles: B packed into panels in L2, the result's tiles in registers.

import type { KernelContext } from "../fuse/body.js";
import { type Buf, type Expr, constant, load, memBytes, splat, zip } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import type { Mutable } from "../kernel/builder.js";
import { k } from "../kernel/ops.js";
import { vectorBytes } from "../kernel/vectorize.js";
import type { GemmRoute, GemmSpec } from "./gemm.js";
import { multiplyAdd } from "./gemm-direct.js";
import { known } from "./gemm-sizes.js";

/** Depth of a panel of B at most: with the target's panel width it is about as large as L1. */
const DEPTH = 256;
/** Tiles a block is high, and panels it is wide, at most: its panels of B and its part of the result stay in L2. */
const BLOCK_ROWS = 32;
const BLOCK_PANELS = 4;
/** Tiles of a block at least, where there are as many: below, packing weighs too much. */
const MIN_TILES = 16;
/** Blocks that a product is cut into where it is large enough. */
const BLOCKS = 16;
/** Steps of the depth are multiples of this, so that squares of transposed memory fill them. */
const DEPTH_UNIT = 16;

/** Any sizes: blocks of the result, each made of register tiles, the depth in steps whose order is fixed. */
export function tiledRoute(b: KernelContext, spec: GemmSpec): GemmRoute {
  const grid = gridOf(b, spec);
  return {
    when: true,
    blocks: k.mul(spec.batches, k.mul(grid.rowBlocks, grid.columnBlocks)),
    emit: (block) => new TiledGemm(b, spec, grid).emit(block),
  };
}

/** How the result is cut. Extents are in elements. */
interface Grid {
  /** Register tile: rows, vectors, lanes of each. */
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: number;
  /** Columns of a panel: a register tile's, and at least a full vector of the vectorise pass. */
  readonly panel: number;
  /** Rows and columns of a block. */
  readonly blockRows: Expr;
  readonly blockColumns: Expr;
  readonly rowBlocks: Expr;
  readonly columnBlocks: Expr;
  /** Number of steps that the depth is cut into (1 for an empty depth), and the depth of each but the last. */
  readonly steps: Expr;
  readonly stepDepth: Expr;
}

/**
 * Whether the rows of A are copied, to give them constant strides: always in WebAssembly, whose compilers make nothing of run-time
 * strides, and where each element costs more than a load.
 */
const copiesRows = (b: KernelContext, spec: GemmSpec): boolean => !spec.a.memory || b.target.name === "wasm";

function gridOf(b: KernelContext, spec: GemmSpec): Grid {
  const { rows, vectors } = b.target.gemm;
  const lanes = (b.target.gemm.lanes * 4) / memBytes[spec.type];
  const panel = Math.max(vectors * lanes, vectorBytes / memBytes[spec.type]);
  const high = ceilDiv(spec.m, rows);
  const wide = ceilDiv(spec.n, panel);
  const all = k.mul(k.mul(k.min(high, 4096), k.min(wide, 4096)), k.min(spec.batches, 64));
  const wanted = k.max(MIN_TILES, k.min(BLOCK_ROWS * BLOCK_PANELS, k.divIndex(all, BLOCKS)));
  const most = spec.wide ? k.max(1, k.divIndex(wanted, k.min(BLOCK_PANELS, k.max(wide, 1)))) : wanted;
  const rowBlocks = ceilDiv(high, k.min(BLOCK_ROWS, most));
  const blockHigh = k.max(1, ceilDiv(high, k.max(1, rowBlocks)));
  const blockWide = k.max(1, k.min(BLOCK_PANELS, k.divIndex(wanted, blockHigh)));
  const evenly = ceilDiv(spec.k, k.max(1, ceilDiv(spec.k, DEPTH)));
  const stepDepth = k.max(DEPTH_UNIT, k.mul(ceilDiv(evenly, DEPTH_UNIT), DEPTH_UNIT));
  return {
    rows,
    vectors,
    lanes,
    panel,
    blockRows: k.mul(blockHigh, rows),
    blockColumns: k.mul(blockWide, panel),
    rowBlocks,
    columnBlocks: ceilDiv(wide, blockWide),
    steps: k.max(1, ceilDiv(spec.k, stepDepth)),
    stepDepth,
  };
}

/** One block's matrix, first row and column, extents, and the step of the depth at hand. */
interface Block {
  readonly batch: Expr;
  readonly i0: Expr;
  readonly j0: Expr;
  readonly height: Expr;
  readonly width: Expr;
}

/** A step of the depth: `depth` elements from `k0`. */
interface Step {
  readonly s: Expr;
  readonly k0: Expr;
  readonly depth: Expr;
}

/** A as the register tile reads it: element (row r of the tile, depth d of the step). */
type TileRows = (r: number, d: Expr) => Expr;

class TiledGemm {
  private readonly tileColumns: number;
  private readonly manySteps: boolean;
  /** Whether a last panel may be so narrow that one vector covers it. */
  private readonly hasNarrow: boolean;
  private readonly packed: Buf;
  private readonly tiles: Buf;
  private readonly copied: Buf | undefined;

  constructor(
    private readonly b: KernelContext,
    private readonly spec: GemmSpec,
    private readonly g: Grid,
  ) {
    this.tileColumns = g.vectors * g.lanes;
    this.manySteps = known(g.steps) !== 1;
    const rest = known(spec.n) === undefined ? 1 : known(spec.n)! % g.panel;
    this.hasNarrow = g.vectors > 1 && rest > 0 && rest <= g.lanes;
    const tileElements = g.rows * g.panel;
    this.packed = b.local("packed", spec.type, DEPTH * BLOCK_PANELS * g.panel);
    this.tiles = b.local("tiles", spec.type, tileElements * (this.manySteps ? BLOCK_ROWS * BLOCK_PANELS : 1));
    this.copied = copiesRows(b, spec) ? b.local("copied", spec.type, DEPTH * BLOCK_ROWS * g.rows) : undefined;
  }

  emit(block: Expr): void {
    const { b, spec, g } = this;
    const row = b.let(k.divIndex(block, g.columnBlocks), "row");
    const i0 = b.let(k.mul(k.remIndex(row, g.rowBlocks), g.blockRows), "i0");
    const j0 = b.let(k.mul(k.remIndex(block, g.columnBlocks), g.blockColumns), "j0");
    const at: Block = {
      batch: b.let(k.divIndex(row, g.rowBlocks), "batch"),
      i0,
      j0,
      height: b.let(k.min(g.blockRows, k.sub(spec.m, i0)), "height"),
      width: b.let(k.min(g.blockColumns, k.sub(spec.n, j0)), "width"),
    };
    const whole = spec.depthOf ? b.let(spec.depthOf(at.batch), "whole") : spec.k;
    b.for(0, g.steps, (s) => {
      const k0 = b.let(k.mul(s, g.stepDepth), "k0");
      const step: Step = { s, k0, depth: b.let(k.min(g.stepDepth, k.sub(whole, k0)), "depth") };
      b.for(0, at.width, (jj) => this.packPanel(at, step, jj), { step: g.panel });
      if (this.copied) this.copyRows(at, step, this.copied);
      b.for(0, at.height, (ii) => this.tileRow(at, step, ii), { step: g.rows });
    });
  }

  /** Columns `jj` … of the step into a panel: depth by depth, the panel's columns side by side. */
  private packPanel(at: Block, { k0, depth }: Step, jj: Expr): void {
    const { b, spec, g } = this;
    const to = b.let(k.mul(jj, DEPTH), "to");
    const width = b.let(k.min(g.panel, k.sub(at.width, jj)), "width");
    const j = b.let(k.add(at.j0, jj), "j");
    const target = (d: Expr, c: Expr): Expr => k.add(k.add(to, k.mul(d, g.panel)), c);
    if (spec.b.copy) {
      const part = { batch: at.batch, k0, depth, first: j, count: width, to: this.packed };
      spec.b.copy({ ...part, at: (u, d) => target(d, u) });
      return;
    }
    const move = (d: Expr, c: Expr): void =>
      b.store(this.packed, target(d, c), spec.b.at(at.batch, k.add(k0, d), k.add(j, c)));
    if (spec.b.inner === "j") {
      const whole = (): void => b.for(0, depth, (d) => b.lanes(0, g.panel, (c) => move(d, c)));
      const part = (): void => b.for(0, depth, (d) => b.lanes(0, width, (c) => move(d, c)));
      b.if(k.eq(width, g.panel), whole, part);
      return;
    }
    const { memory } = spec.b;
    const [squareDepth, squareWidth] = [depth, width].map((x) =>
      memory ? b.let(k.and(x, -g.lanes)) : constant("i32", 0),
    );
    if (memory) {
      b.for(
        0,
        squareDepth!,
        (d) => {
          b.for(
            0,
            squareWidth!,
            (c) => {
              const from = k.add(k.add(memory.base(at.batch), k.mul(k.add(j, c), memory.stride)), k.add(k0, d));
              const columns = Array.from({ length: g.lanes }, (_, u) =>
                b.let(b.load(memory.buf, k.add(from, k.mul(memory.stride, u)), g.lanes), "column"),
              );
              transpose(b, columns).forEach((row, u) => b.store(this.packed, target(k.add(d, u), c), row));
            },
            { step: g.lanes },
          );
        },
        { step: g.lanes },
      );
    }
    b.for(squareWidth!, width, (c) => b.for(0, squareDepth!, (d) => move(d, c)));
    b.for(0, width, (c) => b.for(squareDepth!, depth, (d) => move(d, c)));
  }

  /** The block's rows of A, their strides made constant: in the order they stand in memory. */
  private copyRows(at: Block, { k0, depth }: Step, copied: Buf): void {
    const { b, spec } = this;
    if (spec.a.copy) {
      const part = { batch: at.batch, k0, depth, first: at.i0, count: at.height, to: copied };
      spec.a.copy({ ...part, at: (u, d) => this.copiedAt(u, d) });
      return;
    }
    const move = (i: Expr, d: Expr): void =>
      b.store(copied, this.copiedAt(i, d), spec.a.at(at.batch, k.add(at.i0, i), k.add(k0, d)));
    if (spec.a.inner === "j") b.for(0, at.height, (i) => b.lanes(0, depth, (d) => move(i, d)));
    else b.for(0, depth, (d) => b.lanes(0, at.height, (i) => move(i, d)));
  }

  private copiedAt(i: Expr, d: Expr): Expr {
    return this.spec.a.inner === "j" ? k.add(k.mul(i, DEPTH), d) : k.add(k.mul(d, BLOCK_ROWS * this.g.rows), i);
  }

  /** All tiles of the block that begin at its row `ii`. */
  private tileRow(at: Block, step: Step, ii: Expr): void {
    const { b, g } = this;
    const rows = this.rowsFrom(at, step, ii);
    const height = b.let(k.min(g.rows, k.sub(at.height, ii)), "rows");
    b.for(
      0,
      at.width,
      (jj) => {
        const width = b.let(k.min(g.panel, k.sub(at.width, jj)), "columns");
        const tile = this.manySteps
          ? b.let(k.add(k.mul(ii, BLOCK_PANELS * g.panel), k.mul(jj, g.rows)), "tile")
          : constant("i32", 0);
        const panel = b.let(k.mul(jj, DEPTH), "panel");
        for (let c = 0; c < g.panel; c += this.tileColumns) {
          const emit = (vectors: number) => (): void => this.tile(step, rows, panel, tile, c, vectors);
          if (c > 0) b.if(k.gt(width, c), emit(g.vectors));
          else if (this.hasNarrow) b.if(k.le(width, g.lanes), emit(1), emit(g.vectors));
          else emit(g.vectors)();
        }
        const finish = (): void => this.storeTile(at, ii, jj, height, width, tile);
        if (this.manySteps) b.if(k.eq(step.s, k.sub(g.steps, 1)), finish);
        else finish();
      },
      { step: g.panel },
    );
  }

  /** How the tile at row `ii` reads A. Rows outside of the matrix read its last row. */
  private rowsFrom(at: Block, { k0 }: Step, ii: Expr): TileRows {
    const { b, spec, g, copied } = this;
    if (copied) {
      const [rowStride, depthStride] = spec.a.inner === "j" ? [DEPTH, 1] : [1, BLOCK_ROWS * g.rows];
      const first = b.let(k.mul(ii, rowStride), "first");
      return (r, d) => load(copied, k.add(k.add(k.mul(d, depthStride), first), r * rowStride));
    }
    const { buf, base, stride } = spec.a.memory!;
    const start = base(at.batch);
    const one = constant("i32", 1);
    const [rowStride, depthStride] = spec.a.inner === "j" ? [stride, one] : [one, stride];
    const last = k.sub(at.height, 1);
    const first = Array.from({ length: g.rows }, (_, r) => {
      const i = k.add(at.i0, r === 0 ? ii : k.min(k.add(ii, r), last));
      return b.let(k.add(start, k.add(k.mul(i, rowStride), k.mul(k0, depthStride))), "first");
    });
    return (r, d) => load(buf, k.add(first[r]!, k.mul(d, depthStride)));
  }

  /** One register tile over the step's depth, `vectors` wide, from column `c` of its panel. */
  private tile(step: Step, rows: TileRows, panel: Expr, tile: Expr, c: number, vectors: number): void {
    const { b, spec, g } = this;
    const zero = splat(constant(spec.type, 0), g.lanes);
    const acc = Array.from({ length: g.rows }, () => Array.from({ length: vectors }, () => b.variable(zero, "acc")));
    const each = (visit: (acc: Mutable, at: Expr) => void): void =>
      acc.forEach((row, r) => row.forEach((x, v) => visit(x, k.add(tile, r * g.panel + c + v * g.lanes))));
    if (this.manySteps) b.if(k.gt(step.s, 0), () => each((x, at) => b.set(x, b.load(this.tiles, at, g.lanes))));
    b.for(0, step.depth, (d) => {
      const from = k.add(panel, k.mul(d, g.panel));
      const y = Array.from({ length: vectors }, (_, v) =>
        b.let(b.load(this.packed, k.add(from, c + v * g.lanes), g.lanes), "y"),
      );
      acc.forEach((row, r) => {
        const x = b.let(splat(rows(r, d), g.lanes), "x");
        row.forEach((a, v) => b.set(a, multiplyAdd(x, y[v]!, a.value)));
      });
    });
    each((x, at) => b.store(this.tiles, at, x.value));
  }

  private storeTile(at: Block, ii: Expr, jj: Expr, height: Expr, width: Expr, tile: Expr): void {
    const { b, spec, g } = this;
    const [i0, j0] = [b.let(k.add(at.i0, ii), "i"), b.let(k.add(at.j0, jj), "j")];
    if (spec.storeTile) {
      const value = (r: Expr, c: Expr): Expr => b.load(this.tiles, k.add(k.add(tile, k.mul(r, g.panel)), c));
      spec.storeTile({ batch: at.batch, i0, j0, height, width, value });
      return;
    }
    b.for(0, height, (r) => {
      const row = k.add(tile, k.mul(r, g.panel));
      b.lanes(0, width, (c) => spec.store(at.batch, k.add(i0, r), k.add(j0, c), b.load(this.tiles, k.add(row, c))));
    });
  }
}

/** The transpose of as many vectors as each has lanes. Each round moves the top bit of (vector, lane) to the end: log2 rounds swap them. */
export function transpose(b: KernelContext, vectors: readonly Expr[]): readonly Expr[] {
  const half = vectors.length / 2;
  let rows = vectors;
  for (let round = 1; round < vectors.length; round *= 2) {
    rows = rows.slice(0, half).flatMap((x, i) => {
      const y = rows[i + half]!;
      return [b.let(zip("zipLow", x, y), "row"), b.let(zip("zipHigh", x, y), "row")];
    });
  }
  return rows;
}
