// The benchmark's own parts: what adapters may import, who disagrees, how sessions become pages.
import { describe, expect, it } from "vitest";
import { readmeTable, resultsPage, short } from "../bench/report.mjs";
import { agreement, difference, disagreements, type Row, type Session } from "../bench/results.mjs";
import { chosen } from "../bench/workloads.mjs";
import { adapterProblems, withTable } from "./check-bench.mjs";

const row = (peer: string, values: number[], trace: number[], mode = "", metric = "steps_per_s"): Row => {
  const [unit, bests] = ["steps/s", values.map((v) => v * 1.1)];
  return { peer, mode, metric, unit, values, bests, trace, version: "1.0" };
};

const session = (workloads: Record<string, Row[]>): Session => ({
  date: "2026-01-02 03:04:05",
  commit: "abc",
  machine: { cpu: "a processor", processors: 2, memoryGiB: 4, system: "Linux" },
  versions: { Node: "20" },
  settings: { rounds: 3, seconds: 2, threads: 2, note: "" },
  load: { before: [0, 0, 0], after: [1, 1, 1] },
  workloads,
  failures: [{ peer: "tfjs", workload: "W2.adam", mode: "wasm", error: "no gradient" }],
});

describe("adapters", () => {
  it("may import oarjs, its subpaths, Node and their own helpers", () => {
    const source =
      'import { nn } from "oarjs"; import "oarjs/nn"; import "node:fs"; import "./common.mjs"; import "../timing.mjs";';
    expect(adapterProblems("a.mjs", source)).toEqual([]);
  });

  it("may not reach into the package", () => {
    for (const specifier of ["oarjs/dist/jit/compile.js", "../../src/index.ts", "../../dist/index.js", "koffi"]) {
      expect(adapterProblems("a.mjs", `import "${specifier}";`)).toHaveLength(1);
    }
  });
});

describe("loss traces", () => {
  it("are compared relatively, small elements against a tenth of the mean", () => {
    expect(difference([1, 2], [1, 2, 3])).toBe(0);
    expect(difference([1.01, 1], [1, 1])).toBeCloseTo(0.01, 9);
    expect(difference([1, 0.001], [1, 0])).toBeCloseTo(0.001 / 0.05, 9);
    expect(difference([Number.NaN], [1])).toBe(Number.POSITIVE_INFINITY);
  });

  it("name who differs from the majority, whoever that is", () => {
    const rows = [row("paddle", [1], [2, 2]), row("torch", [1], [1, 1]), row("oar", [1], [1, 1.0005])];
    expect(disagreements({ "W2.adam": rows })).toEqual([
      "W2.adam steps_per_s: paddle (-) differs from torch by 1.0e+0",
    ]);
  });

  it("excuse Paddle's sparse Adam, and take PyTorch's losses for it", () => {
    const rows = [row("paddle", [1], [1.04]), row("torch", [1], [1]), row("oar", [1], [1])];
    expect(disagreements({ "W4.sparse": rows })).toEqual([]);
    expect(agreement("W4.sparse", rows)[0]).toMatchObject({ agrees: false, excused: true, reference: rows[1] });
  });
});

describe("pages", () => {
  const oar = row("oar", [2000, 1000, 4000], [1]);
  const sessions = [
    session({ "W2.adam": [oar, row("torch", [500], [1], "eager"), row("torch", [800], [1], "compile")] }),
  ];

  it("show the median of the rounds, the best chunk, and the best mode of the best peer", () => {
    const page = resultsPage(sessions);
    // 2000 steps/s are 0.5 ms, 4400 are 0.23; 800 are 1.25 ms, 880 are 1.14: 2.5 and 5 times ahead; the goal is 0.85 ms.
    const line =
      "| W2 MLP, Adam | ms | 0.550 | 0.500 [0.227] | – | – | 1.25 [1.14] PyTorch (compile) | 2.50 / 5.00 | – | 0.850 / 2.60 | yes / – |";
    expect(page).toContain(line);
    expect(page).toContain("All loss traces agree");
    expect(page).toContain("- W2.adam: TensorFlow.js (wasm): no gradient");
    expect(readmeTable(sessions)).toContain(
      "| W2 MLP, Adam | ms | 0.500 | – | 1.25 | – | – | 2.50 / 5.00 | `npm run bench W2.adam` |",
    );
  });

  it("replace what stands between the README's markers", () => {
    const readme = "a\n<!-- speed: written by npm run bench -->\nold\n<!-- /speed -->\nb\n";
    expect(withTable(readme, "new")).toBe(readme.replace("old", "new"));
    expect(() => withTable("nothing", "new")).toThrow("lacks");
  });

  it("round to three digits", () => {
    expect([1234567, 123.4, 12.34, 1.234, 0.01234].map(short)).toEqual(["1 234 567", "123", "12.3", "1.23", "0.0123"]);
  });
});

it("workloads are chosen by name, family and group", () => {
  expect(chosen(["W2"])).toEqual(["W2.sgd", "W2.adam"]);
  expect(chosen(["W1@2", "W2.inf"])).toEqual(["W1@2", "W2.inf"]);
  expect(chosen(["inf"])).toHaveLength(5);
  expect(() => chosen(["W99"])).toThrow("there is no workload W99");
});
