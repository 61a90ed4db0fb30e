// Bundles the built package for Node into one script, run with V8's code from the cache: much faster to start than hundreds of files.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { buildSync } from "esbuild";
import { root } from "./files.mjs";

/** The folder of the bundle in dist; package.json's exports name it under the condition "node-addons". */
export const FOLDER = "node";

const HEAD = "// Made by tools/bundle.mjs from the modules beside this folder, which bundlers and browsers use.";

/** The decompressor's folder: the few functions of it that are used stand in the bundle, since importing it whole takes 10 ms. */
const fflate = join(dirname(createRequire(import.meta.url).resolve("fflate")), "..");

/**
 * Writes `node/oar.cjs`, everything in one script; `node/index.js`, which runs it with V8's code from the cache; and for each subpath a
 * file that gives names of it: one instance of each module, whichever way it is imported.
 * @param {string} out the folder of the built modules
 * @param {readonly string[]} subpaths as in "nn/functional": the index exports the same namespaces
 */
export function bundleForNode(out, subpaths) {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const licence = readFileSync(join(fflate, "LICENSE"), "utf8");
  /** @type {import("esbuild").BuildOptions} */
  const options = {
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    alias: { "#platform": join(out, "device", "platform-node.js"), fflate: join(fflate, "esm", "browser.js") },
    external: Object.keys(optionalDependencies),
    logLevel: "error",
    absWorkingDir: out,
  };
  const script = join(out, FOLDER, "oar.cjs");
  buildSync({
    ...options,
    entryPoints: ["index.js"],
    outfile: script,
    format: "iife",
    globalName: "oar",
    define: { "import.meta.url": "url" },
    banner: { js: `${HEAD}\n/* Holds parts of fflate:\n${licence}*/\n(function (require, url) {` },
    footer: { js: "return oar;\n})" },
  });
  // The comment above a module says where it was found: for that of another package no path of this machine.
  writeFileSync(script, readFileSync(script, "utf8").replace(/^( *)\/\/ .*(?=node_modules\/)/gm, "$1// "));
  const entryPoints = ["index.js", ...subpaths.map((path) => `${path}/index.js`)];
  const { metafile } = buildSync({ ...options, entryPoints, outdir: out, outbase: ".", write: false, metafile: true });
  for (const { entryPoint, exports } of Object.values(metafile.outputs)) {
    if (entryPoint === undefined) continue;
    const path = join(out, FOLDER, entryPoint);
    mkdirSync(dirname(path), { recursive: true });
    if (entryPoint === "index.js")
      buildSync({ ...options, stdin: { contents: start(exports), resolveDir: out }, outfile: path });
    else writeFileSync(path, `${HEAD}\n${reExport(posix.dirname(entryPoint), exports)}`);
  }
}

/**
 * The module that runs the script and exports its names.
 * @param {readonly string[]} names
 */
function start(names) {
  return [
    'import { runCached } from "./device/code-cache-node.js";',
    'import { cachePath } from "./device/native-cache-node.js";',
    'const oar = runCached(new URL("oar.cjs", import.meta.url), cachePath(process.env));',
    exportNames("oar", names),
  ].join("\n");
}

/**
 * A module that exports names of one of the index's namespaces.
 * @param {string} subpath
 * @param {readonly string[]} names
 */
export function reExport(subpath, names) {
  const [first = "", ...rest] = subpath.split("/");
  return [
    `import { ${first} as part } from "${posix.relative(subpath, "index.js")}";`,
    exportNames(["part", ...rest].join("."), names),
  ].join("\n");
}

/**
 * Statements that export properties of an object, also those whose names are reserved words.
 * @param {string} object
 * @param {readonly string[]} names
 */
function exportNames(object, names) {
  return [
    `const { ${names.map((name, i) => `${name}: v${i}`).join(", ")} } = ${object};`,
    `export { ${names.map((name, i) => `v${i} as ${name}`).join(", ")} };`,
    "",
  ].join("\n");
}
