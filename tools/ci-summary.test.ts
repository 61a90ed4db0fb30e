// CI's closing line: what counts as passed and failed.
import { expect, it } from "vitest";
import { summarize } from "./ci-summary.mjs";

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((test) => ({ status: test })),
});

it("sums tests over files and leaves skipped ones out", () => {
  const report = { testResults: [file("passed", "passed", "pending"), file("passed", "passed", "passed")] };
  expect(summarize(report, 0)).toEqual({ passed: 3, failed: 0 });
});

it("counts a failed test once, although the test step fails with it", () => {
  expect(summarize({ testResults: [file("failed", "passed", "failed")] }, 1)).toEqual({ passed: 1, failed: 1 });
  expect(summarize({ testResults: [file("failed", "passed", "failed")] }, 2)).toEqual({ passed: 1, failed: 2 });
});

it("counts a file that could not run, and a run without a report", () => {
  expect(summarize({ testResults: [file("failed"), file("passed", "passed")] }, 1)).toEqual({ passed: 1, failed: 1 });
  expect(summarize({ testResults: [file("passed", "passed")] }, 1)).toEqual({ passed: 1, failed: 1 });
  expect(summarize(undefined, 0)).toEqual({ passed: 0, failed: 1 });
});
