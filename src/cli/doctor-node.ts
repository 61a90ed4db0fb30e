// oar doctor: what this machine offers, which target training will use, and why it is not native code where it is not.

import { cachePath, LibraryCache } from "../device/native-cache-node.js";
import type { NativeUnavailable } from "../device/native-node.js";
import type { Command, Surroundings } from "./command.js";
import { examine, type Machine, type Trial } from "./machine-node.js";
import { packageVersion } from "./package-node.js";

/** What will run kernels, in a sentence, with what to do where that is not the best. */
interface Verdict {
  /** Whether training works in the way that was asked for. */
  readonly works: boolean;
  /** The target from the first step on, and the one that takes over. */
  readonly target: string;
  readonly sentence: string;
  readonly cure?: string;
}

const cures: Readonly<Record<NativeUnavailable["kind"], string>> = {
  "no-koffi": "run `npm install koffi` beside oarjs",
  "no-compiler":
    "install gcc or clang (Debian, Ubuntu: apt install gcc libc6-dev; Alpine: apk add gcc musl-dev; macOS: xcode-select --install), or name one in OAR_CC",
  "compiler-failed": "repair the compiler (Debian, Ubuntu: apt install gcc libc6-dev), or name another one in OAR_CC",
  "load-failed": "set OAR_CACHE to a folder from which programs may be run, or name another compiler in OAR_CC",
};

/** The reasons why native code is missing, as one clause. */
const causes: Readonly<Record<NativeUnavailable["kind"], string>> = {
  "no-koffi": "the optional package koffi is not installed",
  "no-compiler": "no C compiler was found",
  "compiler-failed": "the C compiler cannot make a shared library",
  "load-failed": "what the C compiler made cannot be loaded",
};

function judge(machine: Machine, wish: string): Verdict {
  const { wasm, native, threads } = machine;
  const many = `on ${threads.used} ${threads.used === 1 ? "thread" : "threads"}`;
  const cause = whyNotNative(machine);
  const cure = native.unavailable ? { cure: cures[native.unavailable.kind] } : {};
  if (!["", "interp", "wasm", "native"].includes(wish)) {
    const sentence = `OAR_TARGET=${wish} names no target, so nothing runs.`;
    return { works: false, target: "none", sentence, cure: "use interp, wasm or native, or unset OAR_TARGET" };
  }
  if (wish === "interp")
    return { works: true, target: "interp", sentence: "OAR_TARGET=interp: kernels are interpreted." };
  if (wish === "native") {
    if (cause === undefined)
      return {
        works: true,
        target: "native",
        sentence: `OAR_TARGET=native: native code from the first step on, ${many}.`,
      };
    return { works: false, target: "none", sentence: `OAR_TARGET=native, but ${cause}: nothing runs.`, ...cure };
  }
  if (!wasm.simd || !wasm.trial?.works) {
    const why = wasm.simd ? `WebAssembly does not work (${wasm.trial?.problem})` : "this engine lacks WebAssembly SIMD";
    return { works: false, target: "none", sentence: `${why}: nothing runs.`, cure: "use Node 20.19 or later" };
  }
  if (wish === "wasm")
    return { works: true, target: "wasm", sentence: `OAR_TARGET=wasm: training runs as WebAssembly ${many}.` };
  if (cause === undefined) {
    const sentence = `Training starts as WebAssembly ${many} and goes over to native code as soon as that is compiled.`;
    return { works: true, target: "native", sentence };
  }
  return { works: true, target: "wasm", sentence: `Training runs as WebAssembly ${many}: ${cause}.`, ...cure };
}

function whyNotNative({ native }: Machine): string | undefined {
  if (native.unavailable) return causes[native.unavailable.kind];
  return native.trial?.works ? undefined : `compiled code does not work (${native.trial?.problem})`;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const yesNo = (yes: boolean): string => (yes ? "yes" : "no");

const trialText = (trial: Trial | undefined): string =>
  !trial
    ? "not tried"
    : trial.works
      ? `works: compiled in ${trial.compileMs.toFixed(0)} ms, a call takes ${trial.callUs.toFixed(2)} µs`
      : `fails: ${trial.problem}`;

function threadText({ used, processors, quota, wished }: Machine["threads"]): string {
  const causes = [`${processors} processors by affinity`];
  if (quota !== undefined) causes.push(`a quota of ${quota} processors`);
  if (wished !== undefined) causes.push(`OAR_THREADS=${wished}`);
  return `${used} (${causes.join(", ")})`;
}

function report(machine: Machine, verdict: Verdict, version: string): string {
  const { wasm, native, cache } = machine;
  const table: [string, string][] = [
    ["oarjs", version],
    ["Node", `${machine.node}, ${machine.platform}`],
    ["processor", `${machine.processor}, ${mebibytes(machine.memoryBytes)} of memory`],
    ["threads", threadText(machine.threads)],
    [
      "WebAssembly",
      `SIMD ${yesNo(wasm.simd)}, relaxed SIMD ${yesNo(wasm.relaxedSimd)}, threads ${yesNo(wasm.sharedMemory)}`,
    ],
    ["", trialText(wasm.trial)],
    ["koffi", native.koffi ?? "not installed"],
    ["C compiler", compilerText(native)],
  ];
  if (native.compiler) table.push(["", native.compiler.flags], ["", trialText(native.trial)]);
  for (const tried of native.unavailable?.tried ?? []) table.push(["", tried]);
  const use = cache.usable
    ? `${cache.libraries} libraries, ${mebibytes(cache.bytes)} of at most ${mebibytes(cache.bound)}, private and writable`
    : "cannot be used (not this user's own, or not writable): every process compiles anew, in a temporary folder";
  table.push(["cache", cache.directory], ["", use]);
  const lines = table.map(([left, right]) => `${left.padEnd(12)} ${right}`);
  if (verdict.cure !== undefined)
    return [...lines, "", verdict.sentence, `To change that, ${verdict.cure}.`].join("\n");
  return [...lines, "", verdict.sentence].join("\n");
}

const compilerText = ({ compiler, vectorBits }: Machine["native"]): string =>
  compiler ? `${compiler.command}, version ${compiler.version}, vectors of ${vectorBits} bits` : "none that works";

function clearCache({ env, print }: Surroundings): number {
  const cache = new LibraryCache(cachePath(env));
  try {
    if (!cache.persistent) {
      print(`${cachePath(env)} is not this user's own, or cannot be written: nothing was removed.`);
      return 1;
    }
    print(`${mebibytes(cache.clear())} removed from ${cache.directory}.`);
    return 0;
  } finally {
    cache.close();
  }
}

/** `oar doctor`. */
export const doctor: Command = {
  name: "doctor",
  summary: "says what this machine offers, which target training will use, and why",
  details: [
    "Ends with 0 when training works (also where only WebAssembly does), with 1 when what was asked for does not.",
    [
      "Environment: OAR_TARGET=interp|wasm|native forces a target, OAR_THREADS a number of threads, OAR_CC a compiler;",
      "OAR_CC_TIMEOUT is how many seconds one run of it may take (60), OAR_CACHE where compiled code is kept.",
    ].join("\n"),
  ],
  options: [
    { name: "json", help: "the same facts as JSON" },
    { name: "clear-cache", help: "remove all compiled code, and do nothing else" },
  ],
  run(given, around) {
    if (given.has("clear-cache")) return clearCache(around);
    const machine = examine(around.env);
    const verdict = judge(machine, around.env.OAR_TARGET ?? "");
    const version = packageVersion();
    around.print(
      given.has("json")
        ? JSON.stringify({ oarjs: version, ...machine, verdict }, undefined, 2)
        : report(machine, verdict, version),
    );
    return verdict.works ? 0 : 1;
  },
};
