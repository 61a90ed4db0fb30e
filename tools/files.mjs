// Where things are in the repository, and the printing all checks share.
import { existsSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * All TypeScript files below a folder, as slash-separated paths from `base`, sorted.
 * @param {string} base
 * @param {string} folder relative to base
 * @returns {string[]}
 */
export function typescriptFiles(base, folder) {
  const start = join(base, folder);
  if (!existsSync(start)) return [];
  return readdirSync(start, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(base, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/**
 * A unit test or a helper of unit tests: not shipped, free to import from any room.
 * @param {string} file
 */
export const isTestFile = (file) => /\.test(?:-util)?\.ts$/.test(file);

/**
 * Ends a check: prints its problems, one a line, or its summary.
 * @param {string} name
 * @param {readonly string[]} problems
 * @param {string} summary
 */
export function finish(name, problems, summary) {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(`${name}: ${problems.length} problem${problems.length === 1 ? "" : "s"}`);
    process.exitCode = 1;
  } else {
    console.log(`${name}: ${summary}`);
  }
}

/**
 * True when a module is the script Node was started with.
 * @param {string} url the module's import.meta.url
 */
export const isMain = (url) => process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];
