// FEATURES.md: which of Paddle's public names Oar has, and what the conformance corpus says. `--write` writes it, else it is compared.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { checkScope } from "./conformance-scope.mjs";
import { finish, isMain, root } from "./files.mjs";

const FILE = "FEATURES.md";

/**
 * @typedef {Record<string, unknown>} Namespace
 * @typedef {{ values: number, valuesPassed: number, gradients: number, gradientsPassed: number }} AreaCounts
 * @typedef {object} Facts
 * @property {Record<string, readonly string[]>} names Paddle's names by namespace
 * @property {string} version Paddle's version
 * @property {Namespace} surface the package
 * @property {number} ops records in the registry
 * @property {Record<string, AreaCounts>} areas conformance
 * @property {Record<string, readonly [number, number]>} failing checks passed and made, of APIs with failures
 * @property {readonly string[]} scope APIs the core counts
 * @property {Readonly<Record<string, string>>} known reasons of failures
 */

/** @param {string} path from the root */
const json = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));

/** @param {string} name a Python name */
export const camelCase = (name) =>
  /[A-Z]/.test(name) ? name : name.replace(/(?<=[^_])_+([a-z0-9])/g, (_, /** @type {string} */ c) => c.toUpperCase());

/** The package's surface and its registry of ops, bundled from the sources. */
async function built() {
  const outfile = join(root, ".cache", "features.mjs");
  const contents = 'export * as surface from "./src/index.ts"; export { allOps } from "./src/ops/registry.ts";';
  await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    ...{ outfile, bundle: true, platform: "node", format: "esm", external: ["koffi"], logLevel: "error" },
    alias: { "#platform": join(root, "src/device/platform-node.ts") },
  });
  const module = await import(`${pathToFileURL(outfile).href}?${Date.now()}`);
  return { surface: /** @type {Namespace} */ (module.surface), ops: /** @type {number} */ (module.allOps.length) };
}

/**
 * The namespace at a Paddle path: `paddle.utils.unique_name` is `utils.uniqueName`.
 * @param {Namespace} surface
 * @param {string} path
 * @returns {object}
 */
function namespaceAt(surface, path) {
  /** @type {unknown} */
  let here = surface;
  for (const part of path.split(".").slice(1)) here = here && Reflect.get(Object(here), camelCase(part));
  if (path === "paddle.Tensor") here = Reflect.get(Object(surface["Tensor"]), "prototype");
  return Object(here ?? {});
}

/**
 * Names that are there and names that are not, of one namespace.
 * @param {Facts} facts
 * @param {string} path
 */
export function coverage({ names, surface }, path) {
  const here = namespaceAt(surface, path);
  const spelled = (names[path] ?? []).map(camelCase);
  return { done: spelled.filter((name) => name in here), missing: spelled.filter((name) => !(name in here)) };
}

/**
 * @param {number} part
 * @param {number} all
 */
const share = (part, all) => (all === 0 ? "–" : `${((100 * part) / all).toFixed(1)} %`);

/** @param {Facts} facts */
function coverageTable(facts) {
  const rows = Object.keys(facts.names).map((path) => {
    const { done, missing } = coverage(facts, path);
    const all = done.length + missing.length;
    return {
      path,
      done: done.length,
      all,
      line: `| \`${path}\` | ${done.length} | ${all} | ${share(done.length, all)} |`,
    };
  });
  const begun = rows.filter((row) => row.done > 0);
  const none = rows.filter((row) => row.done === 0).map((row) => `\`${row.path}\` (${row.all})`);
  return [
    ...["| namespace | done | of Paddle's | share |", "|---|---:|---:|---:|", ...begun.map((row) => row.line)],
    ...["", `Not begun: ${none.join(", ")}.`],
  ];
}

/** @param {Facts} facts */
function conformanceTable({ areas, failing, scope }) {
  const rows = Object.entries(areas).map(
    ([area, c]) =>
      `| ${area} | ${c.valuesPassed} | ${c.values} | ${share(c.valuesPassed, c.values)} | ` +
      `${c.gradientsPassed} | ${c.gradients} | ${share(c.gradientsPassed, c.gradients)} |`,
  );
  const whole = scope.filter((api) => failing[api] === undefined).length;
  const parts = scope.filter((api) => (failing[api]?.[0] ?? 0) > 0).length;
  return [
    "| area | values | of | share | gradients | of | share |",
    ...["|---|---:|---:|---:|---:|---:|---:|", ...rows, ""],
    `Of the ${scope.length} APIs that \`test/conformance-scope.json\` counts for the core, ${whole} (${share(whole, scope.length)}) pass every`,
    `recorded check, ${parts} pass some, and ${scope.length - whole - parts} pass none.`,
  ];
}

/** @param {Facts} facts */
function knownTable({ known }) {
  /** @type {Map<string, string[]>} */
  const reasons = new Map();
  for (const [id, reason] of Object.entries(known)) reasons.set(reason, [...(reasons.get(reason) ?? []), id]);
  if (reasons.size === 0) return ["None."];
  const row = (/** @type {string} */ reason, /** @type {string[]} */ ids) =>
    `- ${reason}: ${ids.map((id) => `\`${id}\``).join(", ")}`;
  return [...reasons].map(([reason, ids]) => row(reason, ids));
}

/** @param {Facts} facts */
function nameLists(facts) {
  return Object.keys(facts.names).flatMap((path) => {
    const { done, missing } = coverage(facts, path);
    if (done.length === 0) return [];
    return [
      ...[`### ${path}`, "", `Done: ${done.map((name) => `\`${name}\``).join(" ")}`],
      ...(missing.length === 0 ? [] : ["", `Missing: ${missing.map((name) => `\`${name}\``).join(" ")}`]),
      "",
    ];
  });
}

/**
 * The page.
 * @param {Facts} facts
 */
export function page(facts) {
  return [
    "# Features",
    "",
    "Generated by `npm run fix` (`tools/features.mjs`) from the package's surface, the names that",
    `PaddlePaddle ${facts.version} lists as public (\`test/fixtures/api\`), and the conformance test; do not edit.`,
    "Names are spelled as in Oar: `adaptive_avg_pool2d` is `adaptiveAvgPool2d`.",
    ...["", "## Paddle's names", "", ...coverageTable(facts)],
    ...["", `Behind them stand ${facts.ops} op records.`],
    ...["", "## Conformance with recorded Paddle calls", ""],
    "Checks of `test/conformance`: each recorded call's value or refusal, and its gradients.",
    ...["", ...conformanceTable(facts)],
    ...["", "## Known differences", "", "Each with its reason, from `test/conformance/known-failures.json`.", ""],
    ...[...knownTable(facts), "", "## Name by name", "", ...nameLists(facts)],
  ]
    .join("\n")
    .replace(/\n+$/, "\n");
}

/** Reads what the page is made of. */
export async function facts() {
  const api = json("test/fixtures/api/paddle-3.3.1.json");
  const summary = json("test/conformance/summary.json");
  return /** @type {Facts} */ ({
    ...(await built()),
    names: api.namespaces,
    version: api.version,
    areas: summary.areas,
    failing: summary.failing,
    scope: json("test/conformance-scope.json").counted,
    known: json("test/conformance/known-failures.json"),
  });
}

if (isMain(import.meta.url)) {
  const write = process.argv.includes("--write");
  const problems = checkScope(write);
  const found = await facts();
  const text = page(found);
  const path = join(root, FILE);
  if (write) writeFileSync(path, text);
  const now = existsSync(path) ? readFileSync(path, "utf8") : "";
  if (now !== text) problems.push(`${FILE} is stale: run \`npm run fix\``);
  const names = Object.keys(found.names).map((path) => coverage(found, path));
  const done = names.reduce((sum, row) => sum + row.done.length, 0);
  const all = names.reduce((sum, row) => sum + row.missing.length, done);
  finish("features", problems, `${done} of ${all} of Paddle's names`);
}
