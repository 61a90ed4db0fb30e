// Runs the benchmarks of bench/oar against the built package, each in a process of its own, and prints a table: npm run bench [W2.adam …]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { build } from "../tools/build.mjs";
import { root } from "../tools/files.mjs";

const all = [
  ...["W1", "W2.sgd", "W2.adam", "W2.inf", "W3a", "W3a.inf", "W3b", "W3b.inf", "W4.dense", "W4.sparse", "W4.frozen"],
  ...["W5", "W5.inf", "W5b", "W5b.inf", "W7", "W8", "W12"],
];
const wanted = process.argv.slice(2);

build(join(root, "dist"));
/** @type {string[][]} */
const rows = [["workload", "metric", "median", "best", "unit"]];
for (const workload of wanted.length > 0 ? wanted : all) {
  const file = join(root, "bench", "oar", `${workload.split(".")[0]}.mjs`);
  if (!existsSync(file)) {
    console.error(`there is no ${workload}; there are ${all.join(", ")}`);
    process.exitCode = 1;
    continue;
  }
  const run = spawnSync(process.execPath, [file, "--workload", workload], { encoding: "utf8" });
  if (run.status !== 0) {
    console.error(`${workload} failed:\n${run.stderr}`);
    process.exitCode = 1;
    continue;
  }
  for (const line of run.stdout.split("\n").filter((text) => text.startsWith("{"))) {
    const { metric, value, best, unit } = JSON.parse(line);
    rows.push([workload, metric, short(value), short(best), unit]);
  }
}
const widths = /** @type {string[]} */ (rows[0]).map((_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)));
for (const row of rows) console.log(row.map((text, c) => text.padEnd(widths[c] ?? 0)).join("  "));

/** @param {number} value */
function short(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
