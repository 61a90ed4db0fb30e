// Checks the benchmarks: adapters import only "oarjs", and RESULTS.md and the README's table say what results.json says; `--write` writes them.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readmeTable, resultsPage } from "../bench/report.mjs";
import { readSessions } from "../bench/results.mjs";
import { finish, isMain, root } from "./files.mjs";
import { importsOf } from "./lex.mjs";

/** The README's table of speed stands between these. */
const MARKERS = /** @type {const} */ (["<!-- speed: written by npm run bench -->", "<!-- /speed -->"]);

/**
 * Imports of an adapter that a user of the package could not write: anything but `oarjs`, Node's modules and files of bench.
 * @param {string} file
 * @param {string} source
 */
export function adapterProblems(file, source) {
  return importsOf(source)
    .filter(({ specifier }) => {
      if (specifier.startsWith("node:")) return false;
      if (specifier.startsWith(".")) return !/^(?:\.\/[\w-]+|\.\.\/timing)\.mjs$/.test(specifier);
      return specifier !== "oarjs" && !/^oarjs\/[a-z/]+$/.test(specifier);
    })
    .map(({ specifier, line }) => `${file}:${line}: "${specifier}": an adapter imports oarjs as a user does`);
}

/** The text between the README's markers replaced. @param {string} readme @param {string} content */
export function withTable(readme, content) {
  const [from, to] = MARKERS.map((marker) => readme.indexOf(marker));
  if (from === undefined || to === undefined || from < 0 || to < from) throw new Error(`README.md lacks ${MARKERS[0]}`);
  return `${readme.slice(0, from + MARKERS[0].length)}\n${content}\n${readme.slice(to)}`;
}

/** What the pages should be, by path; none before the first run with peers. @returns {Record<string, string>} */
function pages() {
  const sessions = readSessions();
  if (sessions.length === 0) return {};
  const content = readmeTable(sessions);
  const readme = readFileSync(join(root, "README.md"), "utf8");
  return {
    "bench/RESULTS.md": resultsPage(sessions),
    ...(content === "" ? {} : { "README.md": withTable(readme, content) }),
  };
}

/** Writes RESULTS.md and the README's table. */
export function writePages() {
  for (const [path, text] of Object.entries(pages())) writeFileSync(join(root, path), text);
}

/** @returns {string[]} problems, each with its cure */
export function checkBench() {
  const folder = join(root, "bench", "oar");
  const problems = readdirSync(folder).flatMap((file) =>
    adapterProblems(`bench/oar/${file}`, readFileSync(join(folder, file), "utf8")),
  );
  for (const [path, text] of Object.entries(pages())) {
    const now = existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
    if (now !== text) problems.push(`${path} does not say what bench/results.json says: run \`npm run fix\``);
  }
  return problems;
}

if (isMain(import.meta.url)) {
  if (process.argv.includes("--write")) writePages();
  finish("bench", checkBench(), "adapters import oarjs, the pages say what was measured");
}
