// Measures Oar, alone or beside its peers: npm run bench -- [workloads …] [--peers [names]] [--rounds N] [--seconds S] [--threads T].
// --oar names: which of oar, oarwasm, oarwasm24, oar24. --no-build: dist as it is. --note text: into the page. --timeout S: of a process.
// --no-write: prints what it would have written to RESULTS.md.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { build } from "../tools/build.mjs";
import { root } from "../tools/files.mjs";
import { writePages } from "../tools/check-bench.mjs";
import { adapters, benchRoot, node24, participant, participants, usual } from "./participants.mjs";
import { runProcess } from "./process.mjs";
import { resultsPage, short } from "./report.mjs";
import { addSession, better, disagreements, summaryOf } from "./results.mjs";
import { chosen, figures, shown } from "./workloads.mjs";

/** @typedef {import("./results.mjs").Row} Row */
/** @typedef {import("./results.mjs").Session} Session */
/** @typedef {import("./participants.mjs").Participant} Participant */

const flags = ["build", "write"];
const valued = ["peers", "oar", "rounds", "seconds", "threads", "timeout", "note"];

/** The command line. @param {readonly string[]} args @throws Error for what it does not know */
function parse(args) {
  /** @type {Record<string, string>} */
  const options = {};
  const names = [];
  const known = new Set(participants.map((p) => p.name));
  for (let i = 0; i < args.length; i++) {
    const arg = /** @type {string} */ (args[i]);
    const [name = "", inline] = arg.replace(/^--/, "").split("=");
    if (!arg.startsWith("--")) names.push(arg);
    else if (flags.includes(name.replace(/^no-/, ""))) options[name] = "1";
    else if (!valued.includes(name)) throw new Error(`there is no ${arg}`);
    else if (name === "peers" && inline === undefined && !(args[i + 1] ?? "").split(",").every((n) => known.has(n))) {
      options[name] = usual.peers.join(",");
    } else options[name] = inline ?? args[++i] ?? "";
  }
  return { options, names };
}

const { options, names } = parse(process.argv.slice(2));
const beside = options["peers"] !== undefined;
const list = (/** @type {string | undefined} */ text, /** @type {string[]} */ otherwise) =>
  text === undefined ? otherwise : text.split(",");
const who = [...list(options["oar"], beside ? usual.own : ["oar"]), ...(beside ? list(options["peers"], []) : [])].map(
  participant,
);
const settings = {
  rounds: Number(options["rounds"] ?? (beside ? 5 : 1)),
  seconds: Number(options["seconds"] ?? 2),
  threads: Number(options["threads"] ?? Math.min(2, cpus().length)),
  timeout: Number(options["timeout"] ?? 300),
  note: options["note"] ?? "",
};
const workloads = chosen(names);

for (const needed of [join(benchRoot, "data", "W12_g.npy"), ...who.map((p) => p.needs)]) {
  if (existsSync(needed)) continue;
  console.error(`${needed} is missing: run node bench/setup.mjs, which makes the data and the peers' environments.`);
  process.exit(1);
}
if (!options["no-build"]) build(join(root, "dist"));

if (who.some((p) => p.own && !p.name.includes("wasm"))) probeNative();

const session = begin();
for (let round = 0; round < settings.rounds; round++) {
  for (const workload of workloads) for (const p of who) await measure(p, workload, round);
  session.load.after = loadavg();
  if (beside && !options["no-write"]) addSession(session);
}
finish();

/** Without native code Oar would run on WebAssembly, and its figures would stand in the wrong column. */
function probeNative() {
  const program = 'import { add, ones } from "oarjs"; add(ones([2]), 1);';
  const env = { ...process.env, OAR_TARGET: "native" };
  const args = ["--input-type=module", "--eval", program];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: adapters, env, encoding: "utf8" });
  if (status === 0) return;
  console.error(`no native code here; measure with --oar oarwasm,oarwasm24 only:\n${stderr}`);
  process.exit(1);
}

/** A session with everything but figures. @returns {Session} */
function begin() {
  const text = (/** @type {string} */ program, /** @type {string[]} */ args) =>
    spawnSync(program, args, { encoding: "utf8" }).stdout?.split("\n")[0]?.trim() ?? "";
  /** @type {Record<string, string>} */
  const versions = { Node: process.version.slice(1) };
  if (who.some((p) => p.name.endsWith("24"))) versions["Node 24"] = text(node24, ["--version"]).slice(1);
  versions["cc"] = text("cc", ["--version"]);
  const flagsOf = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  const wide = flagsOf.includes(" avx512f ") ? ", AVX-512" : flagsOf.includes(" avx2 ") ? ", AVX2" : "";
  return {
    date: new Date().toISOString().slice(0, 19).replace("T", " "),
    commit: execFileSync("git", ["describe", "--always", "--dirty"], { cwd: root, encoding: "utf8" }).trim(),
    machine: {
      cpu: `${cpus()[0]?.model ?? "unknown"}${wide}`,
      processors: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
    },
    versions,
    settings: { rounds: settings.rounds, seconds: settings.seconds, threads: settings.threads, note: settings.note },
    load: { before: loadavg(), after: [] },
    workloads: Object.fromEntries(workloads.map((w) => [w, []])),
    failures: [],
  };
}

/**
 * One round of a participant on a workload: in the first one all of its modes, later those that were best at something.
 * @param {Participant} p
 * @param {string} workload
 * @param {number} round
 */
async function measure(p, workload, round) {
  for (const mode of p.modes(workload)) {
    if (session.failures.some((f) => f.peer === p.name && f.workload === workload && f.mode === mode)) continue;
    if (round > 0 && !worthKeeping(p.name, workload, mode)) continue;
    const began = performance.now();
    const { lines, error } = await runProcess(p, workload, mode, settings);
    if (error !== undefined) session.failures.push({ peer: p.name, workload, mode, error });
    for (const line of lines) record(p.name, workload, mode, line);
    const figuresText = lines
      .map((l) => `${l.metric} ${short(l.value)} [${short(l.best ?? l.value)}] ${l.unit}`)
      .join(", ");
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.error(
      `${round + 1}/${settings.rounds} ${workload} ${p.name} ${mode}: ${error ?? figuresText} (${seconds} s)`,
    );
  }
}

/** @param {string} peer @param {string} workload @param {string} mode @param {import("./process.mjs").Line} line */
function record(peer, workload, mode, line) {
  const rows = /** @type {Row[]} */ (session.workloads[workload]);
  let row = rows.find((r) => r.peer === peer && r.mode === mode && r.metric === line.metric);
  if (!row) {
    const { metric, unit, loss_trace: trace = [], version = "" } = line;
    row = { peer, mode, metric, unit, values: [], bests: [], trace, version };
    rows.push(row);
    const name = participant(peer).title.replace(/,.*| as installed/, "");
    if (version !== "") session.versions[name] = version;
  }
  row.values.push(line.value);
  row.bests.push(line.best ?? line.value);
}

/**
 * True when no other mode of the participant was better at some metric, by the median or by the best chunk.
 * @param {string} peer
 * @param {string} workload
 * @param {string} mode
 */
function worthKeeping(peer, workload, mode) {
  const rows = (session.workloads[workload] ?? []).filter((row) => row.peer === peer && row.metric !== "peak_rss");
  return rows.some((row) => {
    const others = rows.filter((o) => o.metric === row.metric);
    const best = (/** @type {"values" | "bests"} */ by) =>
      others.every((o) => !better(row.unit, o[by][0] ?? 0, row[by][0] ?? 0));
    return row.mode === mode && (best("values") || best("bests"));
  });
}

/** Prints the table, writes the pages, and names those whose losses differ. */
function finish() {
  const bad = disagreements(session.workloads);
  if (!beside) {
    const lines = [["workload", "who", "metric", "median", "best", "unit"]];
    for (const [workload, rows] of Object.entries(session.workloads)) {
      for (const row of rows) {
        const figure = figures.find((f) => f.workload === workload && f.metric === row.metric);
        const { median, best } = summaryOf(row);
        const [m, b] = [median, best].map((v) => short(figure ? shown(figure, v) : v));
        lines.push([workload, row.peer, row.metric, m ?? "", b ?? "", figure?.unit ?? row.unit]);
      }
    }
    const widths = (lines[0] ?? []).map((_, c) => Math.max(...lines.map((line) => line[c]?.length ?? 0)));
    for (const line of lines) console.log(line.map((cell, c) => cell.padEnd(widths[c] ?? 0)).join("  "));
  } else if (options["no-write"]) console.log(resultsPage([session]));
  else {
    writePages();
    console.log("bench/results.json, bench/RESULTS.md and README.md are written.");
  }
  for (const { peer, workload, error } of session.failures) console.error(`${workload}: ${peer} failed: ${error}`);
  for (const line of bad) console.error(`LOSSES DIFFER: ${line}`);
  if (bad.length > 0 || session.failures.some((f) => participant(f.peer).own)) process.exitCode = 1;
}
