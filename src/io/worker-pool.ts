// Workers of a loader: each imports the dataset's module and sends samples; batches come back in order.

import { startHostWorker } from "#platform";
import { UnavailableError } from "../core/errors.js";
import type { HostWorker } from "../device/host-worker.js";

/** What a worker is told at its start; the module's default function and its `workerInit` get `id`, `numWorkers` and `seed`. */
interface WorkerTask {
  readonly module: string;
  readonly id: number;
  readonly numWorkers: number;
  /** The epoch's seed, one for all workers, as decimal text. */
  readonly seed: string;
}

interface Reply {
  readonly number: number;
  readonly samples?: readonly unknown[];
  /** The stream has ended. */
  readonly done?: boolean;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The workers' program. A sample's arrays are copied out of what they are views of, so that no more than the sample is sent; tensors are
 * sent as NdArrays.
 */
const program = `
let dataset, stream;
const plain = (x) => {
  if (ArrayBuffer.isView(x)) return x.byteLength === x.buffer.byteLength ? x : x.slice();
  if (Array.isArray(x)) return x.map(plain);
  if (typeof x !== "object" || x === null) return x;
  if (typeof x.dataSync === "function") return { dtype: x.dtype, shape: [...x.shape], data: x.dataSync() };
  const proto = Object.getPrototypeOf(x);
  if (proto !== Object.prototype && proto !== null) throw new TypeError("a sample holds a " + proto.constructor.name);
  return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, plain(v)]));
};
const open = async ({ module, ...info }) => {
  const { default: given, workerInit } = await import(module);
  await workerInit?.(info);
  const own = typeof given === "function" && typeof given.prototype?.getitem !== "function";
  dataset = own ? await given(info) : typeof given === "function" ? new given() : given;
  if (typeof dataset?.getitem !== "function") throw new TypeError(module + " has no dataset as its default export");
};
const take = async (count) => {
  stream ??= (dataset[Symbol.asyncIterator] ?? dataset[Symbol.iterator]).call(dataset);
  const samples = [];
  while (samples.length < count) {
    const { done, value } = await stream.next();
    if (done) return { samples, done: true };
    samples.push(plain(value));
  }
  return { samples };
};
let opened;
receive(async ({ number, task, indices, count }) => {
  try {
    if (task) return void (opened = open(task));
    await opened;
    const reply = indices ? { samples: (await Promise.all(indices.map((i) => dataset.getitem(i)))).map(plain) } : await take(count);
    send({ number, ...reply });
  } catch (error) {
    send({ number, error: String(error?.message ?? error) });
  }
});
`;

/** A pool for one epoch, or for all where the loader keeps it. */
export class WorkerPool {
  readonly #workers: { readonly host: HostWorker; readonly waiting: Map<number, Waiting> }[] = [];
  #number = 0;

  constructor(
    module: string,
    readonly size: number,
    seed: bigint,
  ) {
    for (let id = 0; id < size; id++) {
      const waiting = new Map<number, Waiting>();
      const host = startHostWorker(program, {
        message: (data) => settle(waiting, data as Reply, id),
        failed: (reason) => {
          for (const { reject } of waiting.values()) reject(failure(id, reason));
          waiting.clear();
        },
      });
      const task: WorkerTask = { module, id, numWorkers: size, seed: String(seed + BigInt(id)) };
      host.post({ task });
      this.#workers.push({ host, waiting });
    }
  }

  /** Samples by index, from worker `id`. */
  fetch(id: number, indices: readonly number[], timeout: number): Promise<Reply> {
    return this.#ask(id, { indices }, timeout);
  }

  /** The next samples of worker `id`'s stream. */
  take(id: number, count: number, timeout: number): Promise<Reply> {
    return this.#ask(id, { count }, timeout);
  }

  #ask(id: number, request: object, timeout: number): Promise<Reply> {
    const { host, waiting } = this.#workers[id]!;
    const number = this.#number++;
    const reply = new Promise<Reply>((resolve, reject) => waiting.set(number, { resolve, reject }));
    host.post({ number, ...request });
    if (timeout === 0) return reply;
    const timer = setTimeout(() => {
      waiting.get(number)?.reject(failure(id, `no batch within ${timeout} s`));
      waiting.delete(number);
    }, timeout * 1000);
    return reply.finally(() => clearTimeout(timer));
  }

  close(): void {
    for (const { host } of this.#workers) host.close();
  }
}

function settle(waiting: Map<number, Waiting>, reply: Reply, id: number): void {
  const asked = waiting.get(reply.number);
  waiting.delete(reply.number);
  if (reply.error === undefined) asked?.resolve(reply);
  else asked?.reject(failure(id, reply.error));
}

const failure = (id: number, reason: string): UnavailableError =>
  new UnavailableError(`worker ${id} failed: ${reason}.`, { op: "DataLoader", worker: id });
