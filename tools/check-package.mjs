// Checks package.json and the lockfile: the exports map names exactly the subpaths that exist; `--write` corrects it.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FOLDER } from "./bundle.mjs";
import { finish, isMain, root } from "./files.mjs";

/** Every subpath the package is to have; one is exported as soon as its src/<subpath>/index.ts exists. */
export const SUBPATHS = [
  "nn",
  "nn/functional",
  "nn/initializer",
  "optimizer",
  "optimizer/lr",
  "io",
  "metric",
  "profiler",
  "static",
  "jit",
  "regularizer",
  "vision",
  "text",
  "utils",
];

/**
 * The exports map for what exists in src: Node itself, which alone sets "node-addons", loads the bundle, in which each module stands once;
 * bundlers, which could not follow its script, and browsers load the files.
 * @param {string} base the repository's root
 * @returns {Record<string, string | { types: string, "node-addons": string, default: string }>}
 */
export function exportsMap(base) {
  const entry = (/** @type {string} */ path) => ({
    types: `./dist/${path}.d.ts`,
    "node-addons": `./dist/${FOLDER}/${path}.js`,
    default: `./dist/${path}.js`,
  });
  const subpaths = SUBPATHS.filter((path) => existsSync(join(base, "src", path, "index.ts")));
  return {
    ".": entry("index"),
    ...Object.fromEntries(subpaths.map((path) => [`./${path}`, entry(`${path}/index`)])),
    "./package.json": "./package.json",
  };
}

/**
 * @param {string} base the repository's root
 * @returns {string[]} problems, each with its cure
 */
export function checkPackage(base) {
  const manifest = JSON.parse(readFileSync(join(base, "package.json"), "utf8"));
  const lock = JSON.parse(readFileSync(join(base, "package-lock.json"), "utf8"));
  /** @type {string[]} */
  const problems = [];
  if (JSON.stringify(manifest.exports) !== JSON.stringify(exportsMap(base))) {
    problems.push("package.json: exports differ from src: run `node tools/check-package.mjs --write`");
  }
  for (const hook of ["preinstall", "install", "postinstall", "prepare"]) {
    if (manifest.scripts[hook] !== undefined) problems.push(`package.json: "${hook}" would run on a user's machine`);
  }
  if (lock.version !== manifest.version || lock.name !== manifest.name) {
    problems.push("package-lock.json: another name or version than package.json: run `npm install`");
  }
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.resolved !== undefined && entry.link !== true) {
      problems.push(
        `package-lock.json: ${path} records where it was fetched; .npmrc's omit-lockfile-registry-resolved leaves that out`,
      );
    }
  }
  return problems;
}

if (isMain(import.meta.url)) {
  if (process.argv.includes("--write")) {
    const path = join(root, "package.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    manifest.exports = exportsMap(root);
    writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
  }
  finish("package", checkPackage(root), `${Object.keys(exportsMap(root)).length - 1} entry points`);
}
