// Gradients of recurrent layers by central differences: every cell, both directions and layouts, sequences that end early.

import { describe, test } from "vitest";
import { fromArray } from "../trace/eager.js";
import { checkDifferences, sampled } from "./differences.test-util.js";
import { rnnLayer } from "./recurrence.js";
import { type CellMode, cells } from "./recurrence-cells.js";

const [time, batch, units] = [4, 19, 5];
const ends = {
  dtype: "int64",
  shape: [batch],
  data: BigInt64Array.from({ length: batch }, (_, i) => BigInt(i % 5)),
} as const;

describe.each(Object.keys(cells) as CellMode[])("%s", (mode) => {
  const { gates, states } = cells[mode];
  const width = gates * units;
  test.each([
    { reverse: false, timeMajor: true, zeroPadding: true, short: false },
    { reverse: true, timeMajor: false, zeroPadding: true, short: true },
    { reverse: false, timeMajor: false, zeroPadding: false, short: true },
  ])("%o", ({ short, ...attrs }) => {
    const x = sampled(attrs.timeMajor ? [time, batch, width] : [batch, time, width], 1);
    const rest = [sampled([width, units], 2), sampled([width], 3), sampled([states, batch, units], 4)];
    checkDifferences([x, ...rest], (gatesIn, weight, bias, state) =>
      rnnLayer(
        { x: gatesIn!, weight: weight!, bias: bias!, state, lengths: short ? fromArray(ends) : undefined },
        { mode, ...attrs },
      ),
    );
  });
});
