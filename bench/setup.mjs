// Makes what runs need under OAR_BENCH_ROOT (~/.cache/oar-bench): the data, the peers' environments, Node 24. Safe to run again.
// node bench/setup.mjs [data] [paddle] [torch] [ort] [javascript] [node24]; without names all of them: 10 minutes and 7 GB. Needs Python 3.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools/files.mjs";
import { benchRoot, node24 } from "./participants.mjs";

/** @param {string} program @param {readonly string[]} args @param {string} [cwd] */
function run(program, args, cwd = benchRoot) {
  const { status } = spawnSync(program, args, { cwd, stdio: "inherit" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
}

const python = (/** @type {string} */ name) => join(benchRoot, name, "bin", "python");

/**
 * A virtual environment in which a module can be imported.
 * @param {string} name its folder
 * @param {string} module
 * @param {readonly string[]} packages
 */
function environment(name, module, packages) {
  if (!existsSync(python(name))) run("python3", ["-m", "venv", name]);
  const { status } = spawnSync(python(name), ["-c", `import ${module}`], { stdio: "ignore" });
  if (status !== 0) run(python(name), ["-m", "pip", "install", "--quiet", ...packages]);
}

/**
 * A folder with packages of npm, whose install scripts run only if told.
 * @param {string} name
 * @param {string} present a path in it that tells that it is complete
 * @param {readonly string[]} packages
 * @param {boolean} scripts
 */
function packages(name, present, packages, scripts) {
  const folder = join(benchRoot, name);
  if (existsSync(join(folder, present))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ private: true })}\n`);
  run("npm", ["install", "--silent", ...(scripts ? [] : ["--ignore-scripts"]), ...packages], folder);
}

/** @type {Record<string, () => void>} */
const parts = {
  paddle: () => environment("pd", "paddle, safetensors", ["paddlepaddle==3.3.1", "numpy", "setuptools", "safetensors"]),
  torch: () => environment("th", "torch, safetensors", ["torch", "numpy", "safetensors", "setuptools"]),
  ort: () => environment("ort", "onnxruntime, onnx", ["onnxruntime", "onnx", "numpy"]),
  javascript: () =>
    packages(
      "n20",
      join("node_modules", "@jax-js"),
      ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "@jax-js/jax@0.1.25"],
      false,
    ),
  // The package "node" links the platform's program in its install script.
  node24: () => packages("node24", node24.slice(join(benchRoot, "node24").length + 1), ["node@24"], true),
  data: () => {
    const folder = join(benchRoot, "data");
    if (existsSync(join(folder, "complete")) || existsSync(join(folder, "manifest.json"))) return;
    const found = ["pd", "th", "ort"].find((name) => existsSync(python(name)));
    if (!found) environment("np", "numpy", ["numpy"]);
    run(python(found ?? "np"), [join(root, "bench", "generate.py"), folder]);
  },
};

mkdirSync(benchRoot, { recursive: true });
const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : Object.keys(parts)) {
  const part = parts[name];
  if (!part) throw new Error(`there is no ${name}; there are ${Object.keys(parts).join(", ")}`);
  part();
  console.log(`${name} is ready`);
}
