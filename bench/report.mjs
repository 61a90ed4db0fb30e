// The pages made of results.json: RESULTS.md, and the table of the README.
import { participant, participants } from "./participants.mjs";
import { agreement, better, bestMode, disagreements, summaryOf } from "./results.mjs";
import { figures, shown } from "./workloads.mjs";

/** @typedef {import("./results.mjs").Session} Session */
/** @typedef {import("./results.mjs").Row} Row */
/** @typedef {import("./workloads.mjs").Figure} Figure */
/** @typedef {{ median: number, best: number, row: Row }} Found in the unit shown */

const peers = participants.filter((p) => !p.own).map((p) => p.name);

/** @param {number} n three digits, thin spaces between thousands */
export function short(n) {
  const text = n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toPrecision(3);
  return text.replace(/\B(?=(\d{3})+$)/g, text.includes(".") ? "" : " ");
}

/** The rows of a figure's workload. @param {readonly Session[]} sessions @param {Figure} figure */
const rowsOf = (sessions, figure) => sessions.flatMap((session) => session.workloads[figure.workload] ?? []);

/**
 * A participant's figure in its best mode.
 * @param {readonly Row[]} rows
 * @param {Figure} figure
 * @param {string} name
 * @returns {Found | undefined}
 */
function find(rows, figure, name) {
  const row = bestMode(rows, figure.metric, name);
  if (!row) return undefined;
  const { median, best } = summaryOf(row);
  return { median: shown(figure, median), best: shown(figure, best), row };
}

/** @param {Figure} figure @param {number} a @param {number} b true when a is better */
const ahead = (figure, a, b) => (figure.higher ? a > b : a < b);

/**
 * The best of several participants, by the median or by the best chunk.
 * @param {readonly Row[]} rows
 * @param {Figure} figure
 * @param {readonly string[]} names
 * @param {"median" | "best"} by
 */
export function bestOf(rows, figure, names, by = "median") {
  return names
    .map((name) => find(rows, figure, name))
    .reduce(
      (best, found) => (found && (!best || ahead(figure, found[by], best[by])) ? found : best),
      /** @type {Found | undefined} */ (undefined),
    );
}

/** How many times better than the best peer, by the median and by the best chunk. @param {readonly Row[]} rows @param {Figure} figure */
function ratios(rows, figure) {
  const own = find(rows, figure, "oar");
  return /** @type {const} */ (["median", "best"]).map((by) => {
    const peer = bestOf(rows, figure, peers, by);
    if (!own || !peer) return undefined;
    return figure.higher ? own[by] / peer[by] : peer[by] / own[by];
  });
}

/** @param {Found | undefined} found */
const cell = (found) => (found ? `${short(found.median)} [${short(found.best)}]` : "–");

/** @param {Row} row */
const who = (row) => `${participant(row.peer).title}${row.mode ? ` (${row.mode})` : ""}`;

/**
 * Whether a goal is met: by the median of the rounds, only by the best chunk, or not.
 * @param {Figure} figure
 * @param {Found | undefined} own
 * @param {number | undefined} goal
 */
function met(figure, own, goal) {
  if (goal === undefined || !own) return "–";
  const reached = (/** @type {number} */ n) => n === goal || ahead(figure, n, goal);
  return reached(own.median) ? "yes" : reached(own.best) ? "best chunk" : "no";
}

/** One line of the table of goals. @param {readonly Session[]} sessions @param {Figure} figure */
function goalLine(sessions, figure) {
  const rows = rowsOf(sessions, figure);
  const [native, wasm, wasm24] = ["oar", "oarwasm", "oarwasm24"].map((name) => find(rows, figure, name));
  const peer = bestOf(rows, figure, peers);
  const peerGoal = figure.peer && peer ? peer.median * figure.peer : undefined;
  const [byMedian, byBest] = ratios(rows, figure);
  const goals = [figure.native ?? peerGoal, figure.wasm];
  return [
    figure.title,
    figure.unit,
    figure.limit === undefined ? "–" : short(figure.limit),
    ...[cell(native), cell(wasm), cell(wasm24)],
    peer ? `${cell(peer)} ${who(peer.row)}` : "–",
    byMedian === undefined ? "–" : `${byMedian.toFixed(2)} / ${(byBest ?? 0).toFixed(2)}`,
    cell(find(rows, figure, "paddle")),
    goals.map((goal) => (goal === undefined ? "–" : short(goal))).join(" / "),
    `${met(figure, native, goals[0])} / ${met(figure, wasm24, goals[1])}`,
  ];
}

/** The table of everybody, for one workload and metric. @param {string} workload @param {readonly Row[]} rows */
function fullLines(workload, rows) {
  const checks = agreement(workload, rows);
  const sorted = rows
    .map((row) => ({ row, ...summaryOf(row) }))
    .sort((a, b) => (better(a.row.unit, a.median, b.median) ? -1 : 1));
  return sorted.map(({ row, median, best }) => {
    const check = checks.find((c) => c.row === row);
    const loss = !check
      ? "–"
      : check.agrees
        ? `agrees, ${check.difference.toExponential(0)}`
        : `${check.excused ? "differs (known)" : "DIFFERS"}, ${check.difference.toExponential(1)}`;
    const range = `${short(Math.min(...row.values))} … ${short(Math.max(...row.values))}`;
    return [workload, row.metric, who(row), short(median), range, short(best), row.unit, loss];
  });
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} lines */
const table = (head, lines) => [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`);

/** What a session ran on. @param {Session} session */
function about({ date, commit, machine, versions, settings, load, workloads }) {
  const loads = [load.before, load.after].map((list) => list.map((n) => n.toFixed(2)).join(" "));
  return [
    `- ${date}, commit ${commit}: ${Object.keys(workloads).join(", ")}. ${machine.processors} × ${machine.cpu},`,
    `  ${machine.memoryGiB} GiB, ${machine.system}. ${settings.rounds} rounds of ${settings.seconds} s, ${settings.threads} threads; load before`,
    `  ${loads[0]}, after ${loads[1]}. ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.${settings.note ? ` ${settings.note}` : ""}`,
  ];
}

/** RESULTS.md. @param {readonly Session[]} sessions */
export function resultsPage(sessions) {
  const measured = figures.filter((figure) => rowsOf(sessions, figure).some((row) => row.metric === figure.metric));
  const all = Object.assign({}, ...sessions.map((session) => session.workloads));
  const bad = disagreements(all);
  const failures = sessions.flatMap((session) => session.failures);
  const head = ["workload", "unit", "limit", "Oar", "Oar, wasm", "Oar, wasm, Node 24", "best peer", "times ahead"];
  return [
    "# Results",
    "",
    "Written by `npm run bench -- --peers` from `bench/results.json`; do not edit. Everybody runs interleaved, one process at a time.",
    "A figure is the median of the rounds, in brackets the fastest chunk of any round, which other load disturbs least. *Times ahead* compares",
    "Oar's native code with the best peer, by the medians / by the best chunks; above 1 Oar is faster. *Limit* is what the arithmetic or",
    "the bytes of a step take on the machine that the goals were set for (2 cores of Zen 4). Goals and whether they are met: native / wasm on Node 24.",
    "[profiles.md](profiles.md) says where the time of rows goes that could do better.",
    ...["", ...sessions.flatMap(about), ""],
    ...table(
      [...head, "Paddle, tuned", "goal", "met"],
      measured.map((figure) => goalLine(sessions, figure)),
    ),
    "",
    bad.length === 0 ? "All loss traces agree within 1e-3." : "**Loss traces that differ:**",
    ...bad.map((line) => `- ${line}`),
    ...(failures.length === 0 ? [] : ["", "## Failed", ""]),
    ...failures.map((f) => `- ${f.workload}: ${participant(f.peer).title} (${f.mode || "-"}): ${f.error}`),
    ...["", "## Everybody", ""],
    ...table(
      ["workload", "metric", "who (mode)", "median", "least … most", "best", "unit", "losses"],
      measured
        .map((figure) => figure.workload)
        .filter((workload, i, list) => list.indexOf(workload) === i)
        .flatMap((workload) => {
          /** @type {Row[]} */
          const rows = all[workload];
          return [...new Set(rows.map((row) => row.metric))].flatMap((metric) =>
            fullLines(
              workload,
              rows.filter((row) => row.metric === metric),
            ),
          );
        }),
    ),
    "",
  ].join("\n");
}

/** The README's figures: training, and what it costs to begin. @param {readonly Session[]} sessions */
export function readmeTable(sessions) {
  const groups = [["oar"], ["oarwasm24"], ["torch", "torchx"], ["paddle"], ["jaxjs", "jaxjs24", "tfjs", "tfjs24"]];
  const wanted = figures.filter((f) => f.training || ["add4", "cold_start"].includes(f.metric));
  const lines = wanted.flatMap((figure) => {
    const rows = rowsOf(sessions, figure);
    if (!bestOf(rows, figure, peers)) return [];
    const cells = groups
      .map((names) => bestOf(rows, figure, names))
      .map((found) => (found ? short(found.median) : "–"));
    const [byMedian = 0, byBest = 0] = ratios(rows, figure);
    const command = `\`npm run bench ${figure.workload}\``;
    return [[figure.title, figure.unit, ...cells, `${byMedian.toFixed(2)} / ${byBest.toFixed(2)}`, command]];
  });
  const last = sessions.at(-1);
  if (!last || lines.length === 0) return "";
  const names = Object.entries(last.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured ${last.date.slice(0, 10)} on ${last.machine.processors} × ${last.machine.cpu} with ${last.settings.threads} threads; ${names.join(", ")}.`,
    "Everybody in turn, each row in one run, each peer in its best mode, all loss traces equal; the median of the rounds. *Times ahead* of the best peer:",
    "by the medians / by the best chunks. [bench/RESULTS.md](bench/RESULTS.md) has everything; `npm run bench -- --peers` measures it anew.",
    "",
    ...table(
      [
        "workload",
        "unit",
        "Oar",
        "Oar, wasm only",
        "PyTorch",
        "Paddle, tuned",
        "jax-js or tfjs",
        "times ahead",
        "command",
      ],
      lines,
    ),
  ].join("\n");
}
