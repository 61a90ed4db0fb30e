// Workers that run a program of ours, on Node.

import { Worker } from "node:worker_threads";
import type { StartHostWorker } from "./host-worker.js";

const prelude = `
const { parentPort } = require("node:worker_threads");
const send = (message) => parentPort.postMessage(message);
const receive = (listener) => parentPort.on("message", listener);
`;

/** Starts a worker that does not keep the process alive by itself. */
export const startHostWorker: StartHostWorker = (program, { message, failed }) => {
  const worker = new Worker(prelude + program, { eval: true, execArgv: [] });
  let open = true;
  worker.on("message", message);
  worker.on("error", (error) => failed(error.message));
  worker.on("exit", (code) => {
    if (open) failed(`it ended with code ${code}`);
  });
  return {
    post: (data) => worker.postMessage(data),
    close() {
      open = false;
      void worker.terminate();
    },
  };
};
