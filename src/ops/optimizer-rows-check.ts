// How the op table tests an update of rows: some rows, one of them twice, plain numbers by the textbook's formula.

import type { OpCheck, OpSample, Plain } from "../program/op.js";
import type { UpdateCheck } from "./optimizer-check.js";

const rate = 0.5;
/** Row 3 occurs twice, 0 and 4 once, 1 and 2 never; one id names no row. 19 columns are more than a vector, and no multiple of one. */
const ids = [3, 0, -1, 3, 4, -1];
const [height, columns] = [5, 19];

/** The table's samples of an update of rows. */
export function rowsCheck(
  arrays: readonly string[],
  scalars: readonly string[],
  outputs: readonly string[],
  checks: readonly UpdateCheck[],
): OpCheck {
  const sample = (check: UpdateCheck, scale: number | undefined): OpSample => ({
    inputs: [
      [height, columns],
      { shape: [2, 3], data: ids, dtype: "int32" },
      [2, 3, columns],
      { shape: [], data: [rate] },
      scale === undefined ? undefined : { shape: [], data: [scale] },
      ...arrays.map(() => [height, columns]),
      ...scalars.map((n) => ({ shape: [1], data: [check.scalars?.[n] ?? 1] })),
    ],
    attrs: { ...check.attrs },
    expect: (...given) => expected(arrays, scalars, outputs, check, scale, given),
  });
  return {
    domain: [[-2, 2], [0, 1], [-2, 2], [0, 1], [0, 1], ...[...arrays, ...scalars].map(() => [0.1, 2] as const)],
    samples: checks.flatMap((check) => [sample(check, undefined), sample(check, 0.25)]),
    noGradCheck: "updates have no gradient",
  };
}

/** The rule's reference on the rows that occur; all others as they were. */
function expected(
  arrays: readonly string[],
  scalars: readonly string[],
  outputs: readonly string[],
  check: UpdateCheck,
  scale: number | undefined,
  given: readonly Plain[],
): Plain[] {
  const tables = new Map([["param", given[0]!], ...arrays.map((n, i) => [n, given[i + (scale ? 5 : 4)]!] as const)]);
  const fixed = Object.fromEntries(scalars.map((n) => [n, check.scalars?.[n] ?? 1]));
  const updated = Array.from({ length: height * columns }, (_, at) => {
    const [row, c] = [Math.floor(at / columns), at % columns];
    const old = Object.fromEntries([...tables].map(([n, t]) => [n, t.data[at]!]));
    const sum = ids.reduce((s, id, i) => (id === row ? s + given[2]!.data[i * columns + c]! : s), 0);
    const next = check.reference({ ...fixed, ...old, lr: rate, grad: sum * (scale ?? 1) });
    return { advanced: next, values: ids.includes(row) ? next : old };
  });
  return outputs.map((n): Plain => {
    if (scalars.includes(n)) return { shape: [1], data: [updated[0]!.advanced[n]!] };
    return { shape: [height, columns], data: updated.map((u) => u.values[n]!) };
  });
}
