// Cut blocks: what goes over from one stretch to the next, and values whose memory is overwritten in between.

import { describe, expect, test } from "vitest";
import { engine } from "../device/engine.js";
import "../index.js";
import { add, multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import { full } from "../ops/creation.js";
import { reshape } from "../ops/views.js";
import { Block, type VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { capturing } from "./bind.js";
import { toArray } from "./eager.js";
import { assignInto } from "./inplace.js";
import { cutBlock } from "./segment-plan.js";
import { Segmented } from "./segments.js";
import { sizeIn } from "./size-in.js";
import { StepTrace } from "./step-trace.js";

/** Captures `fn` of one buffer [4], whose results are outputs; `read` reads the size 3. */
function captured(buffer: Tensor, fn: (read: () => number) => readonly Value[]) {
  const block = new Block();
  const trace = new StepTrace(block);
  // Of another tensor each time: equal counts are read once.
  const read = (): number => sizeIn(cast(sum(multiply(toTensor([1, 1, 1]), 1)), "int64"), "test");
  const outputs = capturing(trace, () => fn(read)).map((v) => v.symbol as VarDesc);
  const captures = [...trace.captures.keys()].map((v) => ({
    desc: [...block.vars.values()].find((d) => d.captured === v)!,
    tensor: () => v,
  }));
  const source = { ops: block.ops, inputs: [], captures, outputs, api: "test" };
  const run = (): number[][] =>
    new Segmented(engine(), source).run([]).map((v) => Array.from(toArray(v).data as Float32Array));
  return { run, stretches: cutBlock(source), buffer };
}

const numbers = (t: Tensor): number[] => Array.from(t.dataSync("float32"));

describe("memory that is overwritten before a read", () => {
  test("views and the old value are kept for what stands behind it", () => {
    const buffer = toTensor([1, 2, 3, 4]);
    const { run } = captured(buffer, (read) => {
      const view = reshape(buffer, [2, 2]);
      const old = multiply(buffer, 1);
      assignInto(buffer, multiply(buffer, 10));
      const n = read();
      return [add(view, 0), add(old, 0), full([n], 5, "float32"), multiply(buffer, 1)];
    });
    expect(run()).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [5, 5, 5],
      [10, 20, 30, 40],
    ]);
    expect(numbers(buffer)).toEqual([10, 20, 30, 40]);
  });

  test("a count that is read behind another read", () => {
    const { run } = captured(toTensor([1, 2, 3, 4]), (read) => {
      const four = cast(sum(full([4], 1, "float32")), "int64");
      const three = read();
      const both = full([three, sizeIn(four, "test")], 1, "float32");
      return [sum(both)];
    });
    expect(run()).toEqual([[12]]);
  });

  test("changes on both sides reach the memory", () => {
    const buffer = toTensor([1, 2, 3, 4]);
    const { run, stretches } = captured(buffer, (read) => {
      assignInto(buffer, add(buffer, 1));
      const n = read();
      const between = multiply(buffer, 1);
      assignInto(buffer, multiply(buffer, full([], n, "float32")));
      read();
      return [add(between, 0), multiply(buffer, 1)];
    });
    expect(stretches.map((s) => s.read !== undefined)).toEqual([true, true, false]);
    expect(run()).toEqual([
      [2, 3, 4, 5],
      [6, 9, 12, 15],
    ]);
    expect(numbers(buffer)).toEqual([6, 9, 12, 15]);
  });

  test("a value of one stretch, changed in a later one, is read old behind that", () => {
    const buffer = toTensor([1, 2, 3, 4]);
    const { run } = captured(buffer, (read) => {
      assignInto(buffer, add(buffer, 1));
      const changed = capturedNow(buffer);
      read();
      assignInto(buffer, add(buffer, 1));
      read();
      return [multiply(changed, 1), multiply(buffer, 1)];
    });
    expect(run()).toEqual([
      [2, 3, 4, 5],
      [3, 4, 5, 6],
    ]);
  });
});

/** What a captured tensor is at this point of the block, as a view that later changes do not follow. */
const capturedNow = (buffer: Tensor): Value => reshape(reshape(buffer, [2, 2]), [4]);
