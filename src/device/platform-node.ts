// Node's side of the engine: which target to use, its threads, and the garbage collector.

import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { createContext, runInContext, runInNewContext } from "node:vm";
import { InvalidArgumentError, UnavailableError } from "../core/errors.js";
import type { Platform } from "./engine.js";
import type { Heap } from "./heap.js";
import { interpTarget } from "./interp-target.js";
import type { BackgroundTarget, BackgroundWork, Settled } from "./backend.js";
import { createNativeInBackground, createNativeTarget } from "./native-node.js";
import type { Target } from "./target.js";
import { threadCount } from "./thread-count-node.js";
import { nodeThreads } from "./threads-node.js";
import { createWasmTarget } from "./wasm-target.js";

export { files, localFiles } from "./files-node.js";
export { startHostWorker } from "./host-worker-node.js";

/** The platform of this process. `OAR_TARGET=interp|wasm|native` forces a target. */
export const platform: Platform = {
  createTarget,
  createAccelerator,
  collect,
  environment: (name) => process.env[name],
  worker: () => `host_${hostname()}pid_${process.pid}`,
  writeText(folder, name, text) {
    const path = join(folder, name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
    return path;
  },
};

function createTarget(heap: Heap, wish = process.env["OAR_TARGET"]): Target {
  if (wish === "interp") return interpTarget(heap);
  if (wish === "native") {
    const { target, reason } = createNativeTarget(heap);
    if (!target) throw new UnavailableError(reason.message, { tried: reason.tried });
    return target;
  }
  if (wish !== undefined && wish !== "" && wish !== "wasm") {
    throw new InvalidArgumentError(`OAR_TARGET=${wish} names no target.`, { hint: "use interp, wasm or native." });
  }
  return createWasmTarget(heap, { threads: heap.shared ? nodeThreads(threadCount()) : undefined });
}

/** Native code beside WebAssembly, unless a target is forced. Fails with UnavailableError, which says why there is none. */
function createAccelerator(heap: Heap, done: (settled: Settled<BackgroundTarget>) => void): BackgroundWork | undefined {
  if (process.env["OAR_TARGET"]) return undefined;
  return createNativeInBackground(heap, ({ value, error }) => {
    if (value?.target) return done({ value: value.target });
    const { reason } = value ?? {};
    done({ error: reason ? new UnavailableError(reason.message, { tried: reason.tried }) : error });
  });
}

let collector: { readonly gc: () => void; readonly drain: object } | undefined;

/**
 * Collects garbage inside a running job. Weak references that were read or made in this job stay alive until its microtasks are done;
 * running an empty script in a context with its own microtask queue ends that.
 */
function collect(): boolean {
  if (!collector) {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    collector = { gc, drain: createContext({}, { microtaskMode: "afterEvaluate" }) };
  }
  runInContext("0", collector.drain);
  collector.gc();
  return true;
}
