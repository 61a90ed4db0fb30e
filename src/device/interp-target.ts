// The target "interp": kernels run by the interpreter on the calling thread.

import { BugError } from "../core/errors.js";
import { memBytes } from "../kernel/expr.js";
import { type Kernel, scratchBytes } from "../kernel/stmt.js";
import { compileInterp, type InterpKernel } from "../render/interp.js";
import type { Heap } from "./heap.js";
import { type CompiledKernel, launchEntry, type Target } from "./target.js";

/** Makes the interpreting target on a heap. Slow, checked, the oracle of the others. */
export function interpTarget(heap: Heap): Target {
  const functions: InterpKernel[] = [];
  const compileOne = (kernel: Kernel): CompiledKernel => {
    const run = compileInterp(kernel, heap);
    return { fn: functions.push(run) - 1, run, scratchBytes: scratchBytes(kernel, (mem) => memBytes[mem]) };
  };
  return {
    name: "interp",
    threads: 1,
    compile: (kernels) => kernels.map(compileOne),
    launch(table, count) {
      for (let entry = 0; entry < count; entry++) {
        const { u32 } = heap.views;
        const at = table + entry * launchEntry.bytes;
        const fn = functions[u32[(at + launchEntry.fn) / 4]!];
        if (!fn) throw new BugError(`launch table entry ${entry} names no function of the interpreter`);
        fn(u32[(at + launchEntry.args) / 4]!, 0, u32[(at + launchEntry.blocks) / 4]!, 0);
      }
    },
    close() {
      functions.length = 0;
    },
  };
}
