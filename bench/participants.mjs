// Who takes part in a run: Oar on each of its targets and its peers, each with its modes, its command and its environment.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { root } from "../tools/files.mjs";

/** Where environments and data are. */
export const benchRoot = process.env["OAR_BENCH_ROOT"] ?? join(homedir(), ".cache", "oar-bench");
/** Node 24, for the columns that name it. */
export const node24 = join(benchRoot, "node24", "node_modules", "node", "bin", "node");
/** The folder of Oar's adapters; another one measures another build. */
export const adapters = process.env["OAR_ADAPTERS"] ?? join(root, "bench", "oar");

/**
 * One way to run a workload.
 * @typedef {object} Participant
 * @property {string} name
 * @property {string} title
 * @property {boolean} [own] Oar itself
 * @property {string} needs a file that must exist; else `node bench/setup.mjs` has to be run
 * @property {(workload: string) => readonly string[]} modes as "mode" or "mode+option"; none: it cannot run the workload
 * @property {(workload: string) => readonly string[]} command the program and its first arguments
 * @property {() => NodeJS.ProcessEnv} [environment] what its process needs besides
 */

/** The workload's name up to the dot or the number of threads. @param {string} workload */
const family = (workload) => workload.split(/[.@]/)[0] ?? "";

/**
 * @param {string} name
 * @param {string} title
 * @param {string} node
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Participant}
 */
const oar = (name, title, node, environment) => ({
  name,
  title,
  own: true,
  needs: node,
  modes: () => [""],
  command: (workload) => [node, join(adapters, `${family(workload)}.mjs`)],
  environment: () => environment,
});

/** Modes worth trying, by workload and then by family; the best one is kept after the first round. */
const paddleModes = {
  W1: ["dy"],
  W6: ["dy"],
  W7: ["dy"],
  W8: ["st", "dy", "jit"],
  W9: ["dy"],
  W12: ["jit", "st"],
  W3a: ["dy+onednn", "dy"],
  W3b: ["dy+onednn"],
  W5: ["jit", "dy"],
  W5b: ["dy+onednn", "jit"],
  inf: ["inf", "inf+onednn"],
  other: ["dy", "jit", "st"],
};
const torchModes = {
  W1: ["eager"],
  W6: ["eager"],
  W7: ["eager"],
  W8: ["eager", "inf"],
  W9: ["eager"],
  W12: ["compile", "eager"],
  W2: ["compile", "eager"],
  W3b: ["eager"],
  "W4.dense": ["eager", "compile"],
  W4: ["eager+bag", "eager"],
  W5b: ["eager"],
  inf: ["inf", "compile"],
  other: ["eager", "compile"],
};

/** @param {Readonly<Record<string, readonly string[]>>} table @param {string} workload */
function pick(table, workload) {
  if (workload === "W9.nocache") return [];
  if (workload.endsWith(".inf")) return table["inf"] ?? [];
  return table[workload] ?? table[family(workload)] ?? table["other"] ?? [];
}

/** @param {string} name @param {string} title @param {() => NodeJS.ProcessEnv} environment @returns {Participant} */
const paddle = (name, title, environment) => ({
  name,
  title,
  needs: join(benchRoot, "pd", "bin", "python"),
  modes: (workload) => pick(paddleModes, workload),
  command: () => [join(benchRoot, "pd", "bin", "python"), join(root, "bench", "peers", "paddle_peer.py")],
  environment,
});

/** @param {string} name @param {string} title @param {() => NodeJS.ProcessEnv} environment @returns {Participant} */
const torch = (name, title, environment) => ({
  name,
  title,
  needs: join(benchRoot, "th", "bin", "python"),
  modes: (workload) => pick(torchModes, workload),
  command: () => [join(benchRoot, "th", "bin", "python"), join(root, "bench", "peers", "torch_peer.py")],
  environment,
});

/** What no peer in JavaScript can run, or only in minutes a step. */
const notInJavaScript = /^(?:W3b|W4\.dense|W4\.sparse|W9\.nocache|W1@2)/;

/**
 * @param {string} name
 * @param {string} title
 * @param {string} node
 * @param {(workload: string) => readonly string[]} modes
 * @returns {Participant}
 */
const javascript = (name, title, node, modes) => ({
  name,
  title,
  needs: join(benchRoot, "n20", "node_modules"),
  modes: (workload) => (notInJavaScript.test(workload) ? [] : modes(workload)),
  command: () => [node, join(peersInJavaScript(), "peers", `${name.replace("24", "")}_peer.mjs`)],
});
/** @param {string} workload */
const jaxjsModes = (workload) => (workload === "W6" || workload === "W5b.inf" ? [] : ["wasm"]);
/** @param {string} workload */
const tfjsModes = (workload) => {
  // 5 to 25 s a step: convolutions have no gradient on wasm, LSTM and Transformer are slow.
  if (/^(?:W3a|W5|W5b)(?:\.inf)?$/.test(workload)) return [];
  return ["wasm"];
};

let copied = "";
/** The peers' scripts beside their packages, which is where Node looks for packages. */
function peersInJavaScript() {
  if (copied === "") {
    copied = join(benchRoot, "n20", "bench");
    mkdirSync(copied, { recursive: true });
    for (const part of ["timing.mjs", "peers"])
      cpSync(join(root, "bench", part), join(copied, part), { recursive: true });
  }
  return copied;
}

/** A library of one function by which MKL takes the processor for an Intel one, and runs its AVX-512 code. */
function mklAsIntel() {
  const library = join(benchRoot, "libfk.so");
  if (!existsSync(library)) {
    const source = join(benchRoot, "fk.c");
    writeFileSync(source, "int mkl_serv_intel_cpu_true(void) { return 1; }\n");
    const { status } = spawnSync("cc", ["-shared", "-fPIC", "-o", library, source], { stdio: "inherit" });
    if (status !== 0) throw new Error("torchx needs a C compiler to build its preloaded library");
  }
  return { LD_PRELOAD: library };
}

/** Everybody who can take part. @type {readonly Participant[]} */
export const participants = [
  oar("oar", "Oar", process.execPath, {}),
  oar("oarwasm", "Oar, wasm only", process.execPath, { OAR_TARGET: "wasm" }),
  oar("oarwasm24", "Oar, wasm only, Node 24", node24, { OAR_TARGET: "wasm" }),
  oar("oar24", "Oar, Node 24", node24, {}),
  paddle("paddle", "Paddle, tuned", () => ({ MKL_DEBUG_CPU_TYPE: "5" })),
  paddle("paddle0", "Paddle as installed", () => ({})),
  torch("torch", "PyTorch", () => ({})),
  torch("torchx", "PyTorch, MKL as Intel", mklAsIntel),
  {
    name: "ort",
    title: "onnxruntime",
    needs: join(benchRoot, "ort", "bin", "python"),
    modes: (workload) => (/^(?:W1@\d|W8|.*\.inf)$/.test(workload) ? ["inf"] : []),
    command: () => [join(benchRoot, "ort", "bin", "python"), join(root, "bench", "peers", "ort_peer.py")],
  },
  javascript("tfjs", "TensorFlow.js", process.execPath, tfjsModes),
  javascript("tfjs24", "TensorFlow.js, Node 24", node24, tfjsModes),
  javascript("jaxjs", "jax-js", process.execPath, jaxjsModes),
  javascript("jaxjs24", "jax-js, Node 24", node24, jaxjsModes),
];

/** Those that run when none are named: every peer at its best, and Oar on every target. */
export const usual = {
  own: ["oar", "oarwasm", "oarwasm24"],
  peers: ["paddle", "torch", "torchx", "ort", "tfjs", "jaxjs", "tfjs24", "jaxjs24"],
};

/** @param {string} name @returns {Participant} @throws Error when there is none of that name */
export function participant(name) {
  const found = participants.find((p) => p.name === name);
  if (!found) throw new Error(`there is no ${name}; there are ${participants.map((p) => p.name).join(", ")}`);
  return found;
}
