// Checks every import in src: rooms import downwards only, no cycles between files at run time, Node's modules only in Node's files.
import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { finish, isMain, isTestFile, root, typescriptFiles } from "./files.mjs";
import { importsOf } from "./lex.mjs";

/**
 * The rooms of src, top to bottom; a file imports only from its own room and the rooms after it. Files directly in src
 * are the room "index". A device compiles kernels by the renderers, and those read the kernel language. `utils`,
 * `regularizer` and `incubate` are facades of the same names.
 */
export const ROOMS = [
  "index",
  "cli",
  "board",
  "utils",
  "regularizer",
  "incubate",
  "profiler",
  "hapi",
  "vision",
  "text",
  "io",
  "metric",
  "distributed",
  "jit",
  "static",
  "optimizer",
  "nn",
  "param",
  "tensor",
  "checkpoint",
  "ops",
  "trace",
  "program",
  "fuse",
  "device",
  "render",
  "kernel",
  "core",
];

/** Folders whose files use the package as a user does, by its public name. */
const OUTSIDE = ["test", "examples", "bench"];

/** Third-party modules that only run on Node. */
const NODE_PACKAGES = ["koffi"];

/** Names of package.json's `imports`: one file on Node, another in browsers. */
const PLATFORM_IMPORTS = ["#platform"];

/** Files that count as another room's, both in what they may import and in who may import them. */
const MOVED = new Map([
  // The heap's memory views: kernels run on them in every target, so renderers need their type below themselves.
  ["src/device/heap.ts", "core"],
]);

/** @param {string} file path from the root, as in "src/nn/layer.ts" */
const roomOf = (file) =>
  MOVED.get(file) ?? (file.split("/").length > 2 ? /** @type {string} */ (file.split("/")[1]) : "index");

/** @param {string} file */
const isNodeFile = (file) => /^(?:node-.*|.*-node)\.ts$/.test(posix.basename(file));

/** @param {string} specifier */
const packageOf = (specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

/**
 * The problem with one import of a file in src, if there is one.
 * @param {string} file
 * @param {string} specifier
 * @param {string | undefined} target the imported file, for relative specifiers
 * @param {readonly string[]} packages the runtime dependencies
 * @returns {string | undefined}
 */
function problemWith(file, specifier, target, packages) {
  if (target !== undefined) {
    if (!target.startsWith("src/")) return `leaves src: ${specifier}`;
    if (isTestFile(file)) return undefined;
    if (isTestFile(target)) return `imports a test file: ${target}`;
    const [from, to] = [roomOf(file), roomOf(target)];
    if (ROOMS.indexOf(to) < ROOMS.indexOf(from)) return `upward import: ${from} may not import ${to} (${target})`;
    return undefined;
  }
  if (isTestFile(file) || PLATFORM_IMPORTS.includes(specifier)) return undefined;
  const node = specifier.startsWith("node:") || NODE_PACKAGES.includes(packageOf(specifier));
  if (node && !isNodeFile(file)) return `"${specifier}" outside a *-node.ts or node-*.ts file`;
  if (!specifier.startsWith("node:") && !packages.includes(packageOf(specifier))) {
    return `"${specifier}" is not a runtime dependency of the package (Node's modules are written "node:…")`;
  }
  return undefined;
}

/**
 * Every cycle among files, one for each group of files that reach one another, as the path that closes it.
 * @param {ReadonlyMap<string, ReadonlyMap<string, number>>} graph file to imported file to line
 * @returns {string[][]}
 */
export function cycles(graph) {
  /** @type {Map<string, "open" | "done">} */
  const state = new Map();
  /** @type {string[][]} */
  const found = [];
  const visit = (/** @type {string} */ file, /** @type {string[]} */ path) => {
    state.set(file, "open");
    path.push(file);
    for (const next of graph.get(file)?.keys() ?? []) {
      if (state.get(next) === "open") found.push([...path.slice(path.indexOf(next)), next]);
      else if (state.get(next) === undefined) visit(next, path);
    }
    path.pop();
    state.set(file, "done");
  };
  for (const file of graph.keys()) if (state.get(file) === undefined) visit(file, []);
  return found;
}

/**
 * All problems of a repository's imports, each as `file:line: rule`.
 * @param {string} base the repository's root
 * @param {readonly string[]} packages the runtime dependencies
 */
export function checkImports(base, packages) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Map<string, Map<string, number>>} */
  const graph = new Map();
  let count = 0;
  for (const file of typescriptFiles(base, "src")) {
    if (!ROOMS.includes(roomOf(file)))
      problems.push(`${file}:1: unknown room "${roomOf(file)}": add it to ROOMS in its place`);
    /** @type {Map<string, number>} */
    const targets = new Map();
    graph.set(file, targets);
    for (const { specifier, line, typeOnly } of importsOf(readFileSync(join(base, file), "utf8"))) {
      count++;
      const target = specifier.startsWith(".")
        ? posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts")
        : undefined;
      const problem = problemWith(file, specifier, target, packages);
      if (problem !== undefined) problems.push(`${file}:${line}: ${problem}`);
      const runs = target !== undefined && !typeOnly && existsSync(join(base, target));
      if (runs && !targets.has(target)) targets.set(target, line);
    }
  }
  for (const cycle of cycles(graph)) {
    const [first = "", second = ""] = cycle;
    problems.push(`${first}:${graph.get(first)?.get(second) ?? 1}: import cycle: ${cycle.join(" -> ")}`);
  }
  for (const file of OUTSIDE.flatMap((folder) => typescriptFiles(base, folder))) {
    for (const { specifier, line } of importsOf(readFileSync(join(base, file), "utf8"))) {
      count++;
      const inSource = specifier.startsWith(".") && posix.join(posix.dirname(file), specifier).startsWith("src/");
      if (inSource)
        problems.push(`${file}:${line}: "${specifier}": code outside src imports "oarjs" by its public name`);
    }
  }
  return { problems, count };
}

if (isMain(import.meta.url)) {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  const { problems, count } = checkImports(root, packages);
  finish("imports", problems, `${count} imports point downwards, no cycles`);
}
