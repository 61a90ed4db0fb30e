// What runs leave behind: results.json, its sessions merged by workload, and whether everybody computed the same losses.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools/files.mjs";
import { middle } from "./timing.mjs";

/**
 * A figure of one participant in one mode.
 * @typedef {object} Row
 * @property {string} peer
 * @property {string} mode
 * @property {string} metric
 * @property {string} unit as emitted
 * @property {number[]} values a round each, from its median chunk
 * @property {number[]} bests a round each, from its fastest chunk
 * @property {number[]} trace losses, or some elements of a result
 * @property {string} version
 *
 * @typedef {object} Session
 * @property {string} date
 * @property {string} commit
 * @property {{ cpu: string, processors: number, memoryGiB: number, system: string }} machine
 * @property {Record<string, string>} versions
 * @property {{ rounds: number, seconds: number, threads: number, note: string }} settings
 * @property {{ before: number[], after: number[] }} load
 * @property {Record<string, Row[]>} workloads
 * @property {{ peer: string, workload: string, mode: string, error: string }[]} failures
 */

const file = join(root, "bench", "results.json");
/** More is better in these units. */
const higher = new Set(["GFLOP/s", "steps/s", "batches/s", "MB/s"]);

/** All sessions, oldest first. @returns {Session[]} */
export function readSessions() {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).sessions : [];
}

/**
 * Adds a session: the workloads it measured leave older ones, so that each workload comes from one interleaved run.
 * @param {Session} session
 */
export function addSession(session) {
  const kept = readSessions().filter((old) => old.date !== session.date);
  for (const old of kept) {
    for (const workload of Object.keys(session.workloads)) delete old.workloads[workload];
    old.failures = old.failures.filter(({ workload }) => workload in old.workloads);
  }
  const sessions = [...kept.filter((old) => Object.keys(old.workloads).length > 0), session];
  writeFileSync(`${file}.new`, `${JSON.stringify({ sessions }, null, 1)}\n`);
  renameSync(`${file}.new`, file);
}

/** The median of the rounds, and the fastest chunk of any. @param {Row} row */
export function summaryOf({ unit, values, bests }) {
  return { median: middle(values), best: higher.has(unit) ? Math.max(...bests) : Math.min(...bests) };
}

/** True when a is better than b. @param {string} unit @param {number} a @param {number} b */
export const better = (unit, a, b) => (higher.has(unit) ? a > b : a < b);

/** A participant's row in its best mode, by the median. @param {readonly Row[]} rows @param {string} metric @param {string} peer */
export function bestMode(rows, metric, peer) {
  return rows
    .filter((row) => row.metric === metric && row.peer === peer)
    .reduce(
      (found, row) => (!found || better(row.unit, summaryOf(row).median, summaryOf(found).median) ? row : found),
      /** @type {Row | undefined} */ (undefined),
    );
}

/** Known defects: Paddle 3.3.1's bias correction of sparse Adam is one step late, so its losses differ by 4 % after 24 steps. */
const excused = (/** @type {string} */ workload, /** @type {string} */ peer) =>
  workload === "W4.sparse" && peer.startsWith("paddle");

/** Whose trace is compared with, among equals. */
const trusted = ["paddle", "torch", "torchx", "ort", "paddle0", "jaxjs", "jaxjs24", "tfjs", "tfjs24", "oar"];

/**
 * The largest relative difference of two traces over their common length; an element counts as at least a tenth of the mean.
 * @param {readonly number[]} found
 * @param {readonly number[]} wanted
 */
export function difference(found, wanted) {
  const n = Math.min(found.length, wanted.length);
  const given = wanted.slice(0, n);
  const floor = (0.1 * given.reduce((sum, v) => sum + Math.abs(v), 0)) / n;
  return given.reduce((worst, v, i) => {
    const d = Math.abs(/** @type {number} */ (found[i]) - v) / Math.max(Math.abs(v), floor);
    return Number.isNaN(d) ? Number.POSITIVE_INFINITY : Math.max(worst, d);
  }, 0);
}

/**
 * Compares the traces of one figure with that of the participant most others agree with, at 1e-3.
 * @param {string} workload
 * @param {readonly Row[]} rows of one metric
 */
export function agreement(workload, rows) {
  const traced = rows.filter((row) => row.trace.length > 0);
  const order = (/** @type {Row} */ row) =>
    (trusted.indexOf(row.peer) + 1 || 99) + (excused(workload, row.peer) ? 100 : 0);
  const friends = (/** @type {Row} */ row) => traced.filter((o) => difference(o.trace, row.trace) <= 1e-3).length;
  const [reference] = [...traced].sort((a, b) => friends(b) - friends(a) || order(a) - order(b));
  return traced.map((row) => {
    const d = reference ? difference(row.trace, reference.trace) : 0;
    return { row, reference, difference: d, agrees: d <= 1e-3, excused: excused(workload, row.peer) };
  });
}

/**
 * Everybody whose trace differs without an excuse, in words.
 * @param {Record<string, readonly Row[]>} workloads
 */
export function disagreements(workloads) {
  return Object.entries(workloads).flatMap(([workload, rows]) =>
    [...new Set(rows.map((row) => row.metric))].flatMap((metric) =>
      agreement(
        workload,
        rows.filter((row) => row.metric === metric),
      )
        .filter((a) => !a.agrees && !a.excused)
        .map(
          ({ row, reference, difference: d }) =>
            `${workload} ${metric}: ${row.peer} (${row.mode || "-"}) differs from ${reference?.peer} by ${d.toExponential(1)}`,
        ),
    ),
  );
}
