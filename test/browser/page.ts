// What the page runs: training, the loader, files; results go to `globalThis.result`.

import { io, load, type NdArray, save } from "oarjs";
import { trainMlp } from "./mlp.js";

/** What the test reads. */
export interface PageResult {
  readonly losses: readonly number[];
  /** Entries of an .npz that was saved to bytes, put behind a URL and loaded from there. */
  readonly loaded: readonly number[];
  readonly batches: readonly (readonly number[])[];
  readonly missing: string;
}

async function run(): Promise<PageResult> {
  const losses = await trainMlp(12);
  const x: NdArray = { dtype: "float32", shape: [3, 1], data: Float32Array.of(1, 2, 3) };
  const url = URL.createObjectURL(new Blob([(await save({ x })) as Uint8Array<ArrayBuffer>]));
  const state = await load<Record<string, NdArray>>(url);
  const batches: number[][] = [];
  for await (const [batch] of new io.DataLoader(new io.TensorDataset([x]), { batchSize: 2 }))
    batches.push([...batch.dataSync("float32")]);
  const missing = await load("missing.npy").catch((error: Error) => error.name);
  return { losses, loaded: Array.from(state["x"]!.data, Number), batches, missing: String(missing) };
}

Object.assign(globalThis, { result: run() });
