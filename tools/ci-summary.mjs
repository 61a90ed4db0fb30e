// The closing line of CI: "N passed, N failed", summed from vitest's JSON report and the number of steps that failed.
import { existsSync, readFileSync } from "node:fs";
import { isMain } from "./files.mjs";

/**
 * Tests passed and failed. A test file that could not run counts as one failure, and so does a step other than the
 * tests; when nothing ran at all, that is a failure too.
 * @param {{ testResults: { status: string, assertionResults: { status: string }[] }[] } | undefined} report
 * @param {number} brokenSteps steps that ended non-zero, the test run among them
 */
export function summarize(report, brokenSteps) {
  const files = report?.testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === "passed").length;
  const failedTests = tests.filter((test) => test.status === "failed").length;
  const failedFiles = files.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failures = failedTests + failedFiles;
  // The test run is itself one of the broken steps when a test failed: do not count it twice.
  const failed = failures + Math.max(0, brokenSteps - (failures > 0 ? 1 : 0));
  return { passed, failed: passed + failed === 0 ? 1 : failed };
}

if (isMain(import.meta.url)) {
  const [path = "", brokenSteps = "0"] = process.argv.slice(2);
  const report = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
  const { passed, failed } = summarize(report, Number(brokenSteps));
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
