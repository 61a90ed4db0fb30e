// Browsers' side of the engine: WebAssembly, with threads where the page is cross-origin isolated.

import type { Platform } from "./engine.js";
import { browserThreads } from "./threads-browser.js";
import { createWasmTarget } from "./wasm-target.js";

export { files, localFiles } from "./files-browser.js";
export { startHostWorker } from "./host-worker-browser.js";

/** The platform of this page or worker. Browsers do not let a page collect garbage on demand. */
export const platform: Platform = {
  createTarget: (heap) => createWasmTarget(heap, { threads: heap.shared ? browserThreads() : undefined }),
  worker: () => "page",
  collect: () => false,
};
