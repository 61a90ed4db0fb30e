// Workers that run a program of ours, in browsers.

import type { StartHostWorker } from "./host-worker.js";

const prelude = `
const send = (message) => postMessage(message);
const receive = (listener) => { onmessage = ({ data }) => listener(data); };
`;

/** Starts a module worker. */
export const startHostWorker: StartHostWorker = (program, { message, failed }) => {
  const url = URL.createObjectURL(new Blob([prelude + program], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }) => message(data);
  worker.onerror = (event) => failed(event.message);
  return {
    post: (data) => worker.postMessage(data),
    close() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
};
