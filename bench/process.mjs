// Runs one workload of one participant in a process of its own, and reads its lines of JSON.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { benchRoot } from "./participants.mjs";
import { isColdStart, memory } from "./workloads.mjs";

/**
 * What a process printed.
 * @typedef {object} Line
 * @property {string} metric
 * @property {number} value of the median chunk
 * @property {number} [best] of the fastest chunk
 * @property {string} unit
 * @property {number[]} [loss_trace]
 * @property {string} [version]
 * @property {number} [rss_mb] peak resident size
 * @property {number} [warm_s]
 */

/**
 * @typedef {object} Settings
 * @property {number} seconds
 * @property {number} threads
 * @property {number} timeout seconds after which a process is ended
 */

/**
 * @param {import("./participants.mjs").Participant} who
 * @param {string} workload
 * @param {string} mode "mode" or "mode+option"
 * @param {Settings} settings
 * @returns {Promise<{ lines: Line[], error?: string }>} lines, or why there are none
 */
export async function runProcess(who, workload, mode, { seconds, threads, timeout }) {
  const [name = "", at] = workload.split("@");
  const [plain = "", options = ""] = mode.split("+");
  const count = at ?? String(threads);
  const [program = "", ...before] = who.command(workload);
  const args = [
    "--workload",
    name,
    "--mode",
    plain,
    "--opts",
    options,
    "--threads",
    count,
    "--seconds",
    String(seconds),
  ];
  // Of slow steps in JavaScript two losses suffice.
  if (/^(?:tfjs|jaxjs)/.test(who.name) && /^W5b?$/.test(workload)) args.push("--trace", "2");
  const scratch = mkdtempSync(join(tmpdir(), "oar-bench-"));
  const env = {
    ...process.env,
    OAR_BENCH_ROOT: benchRoot,
    BENCH_PEER: who.name,
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    OAR_THREADS: count,
    ...who.environment?.(),
    ...(workload === "W9.nocache" ? { OAR_CACHE: join(scratch, "cache") } : {}),
  };
  try {
    const began = performance.now();
    const child = spawn(program, [...before, ...args, "--tmp", scratch], { env, stdio: ["ignore", "pipe", "pipe"] });
    return await finished(child, workload, began, timeout);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {import("node:child_process").ChildProcessByStdio<null, import("node:stream").Readable, import("node:stream").Readable>} child
 * @param {string} workload
 * @param {number} began
 * @param {number} timeout
 */
async function finished(child, workload, began, timeout) {
  /** @type {Line[]} */
  const lines = [];
  let first = 0;
  let errors = "";
  createInterface({ input: child.stdout }).on("line", (text) => {
    if (!text.startsWith("{")) return;
    first ||= performance.now() - began;
    lines.push(JSON.parse(text));
  });
  child.stderr.on("data", (/** @type {Buffer} */ bytes) => {
    errors = (errors + bytes).slice(-20_000);
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeout * 1000);
  const status = await new Promise((done) => {
    child.on("error", (error) => done(error.message));
    child.on("close", (code, signal) => done(code ?? signal));
  });
  clearTimeout(timer);
  if (late) return { lines: [], error: `no result after ${timeout} s` };
  if (status !== 0 || lines.length === 0) return { lines: [], error: reason(errors) ?? `ended with ${status}` };
  return { lines: withProcessFigures(workload, lines, first) };
}

/**
 * Adds the figures that are the process's: its peak resident size, and for a cold start the time to its first line.
 * @param {string} workload
 * @param {Line[]} lines
 * @param {number} first milliseconds from the start of the process to its first line
 * @returns {Line[]}
 */
function withProcessFigures(workload, lines, first) {
  const last = lines.at(-1);
  if (isColdStart(workload) && last) {
    return [{ ...last, metric: "cold_start", value: first, best: first, unit: "ms", loss_trace: [last.value] }];
  }
  if (memory.has(workload) && last?.rss_mb) {
    return [...lines, { metric: "peak_rss", value: last.rss_mb, best: last.rss_mb, unit: "MB", loss_trace: [] }];
  }
  return lines;
}

/** The last line that tells why. @param {string} errors */
function reason(errors) {
  const lines = errors.split("\n").map((line) => line.trim());
  return lines.findLast((line) => /error|N\/A|not supported|not registered/i.test(line))?.slice(0, 200);
}
