// Long arrays of files: they become tensors where they were read, or stay arrays of their own, and nothing is left of damaged files.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NamedArray, writePickle } from "../checkpoint/pickle-writer.js";
import { InvalidArgumentError } from "../core/errors.js";
import { type NdArray, ndArray } from "../core/nd-array.js";
import { engine } from "../device/engine.js";
import { Tensor } from "../tensor/tensor.js";
import { load } from "./files.js";
import { HeapFile } from "./heap-file.js";

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "oar-heap-file-"));
  path = join(folder, "state.pdparams");
});
afterAll(() => rmSync(folder, { recursive: true }));

const count = 40_000;
const floats = ndArray(
  "float32",
  [2, count / 2],
  Float32Array.from({ length: count }, (_, i) => Math.fround(i / 7)),
);
const longs = ndArray(
  "int64",
  [count],
  BigInt64Array.from({ length: count }, (_, i) => BigInt(i) << 33n),
);
const bools = ndArray(
  "bool",
  [3 * count],
  Uint8Array.from({ length: 3 * count }, (_, i) => i % 2),
);
const text = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251);

describe("load of a file with long arrays", () => {
  it("gives tensors, arrays and bytes with the elements that were written", async () => {
    const value = {
      floats: new NamedArray("w", floats),
      longs: new NamedArray("l", longs),
      bools,
      floats2: floats,
      text,
    };
    writeFileSync(path, writePickle(value));
    const state = await load<Record<string, unknown>>(path);
    const { floats: w, longs: l } = state as Record<string, Tensor>;
    expect([w!.name, l!.name]).toEqual(["w", "l"]);
    expect(await w!.numpy()).toEqual(floats);
    expect(await l!.numpy()).toEqual(longs);
    expect(state).toMatchObject({ bools, floats2: floats, text });
    expect((state["floats2"] as NdArray).data.buffer).toBeInstanceOf(ArrayBuffer);
  });

  it("gives the same as from memory, in every protocol", async () => {
    for (const protocol of [2, 3, 4] as const) {
      const bytes = writePickle({ floats, bools, short: ndArray("uint8", [3], Uint8Array.of(1, 2, 3)) }, protocol);
      writeFileSync(path, bytes);
      const [a, b] = [await load<Record<string, Tensor>>(path), await load<Record<string, Tensor>>(bytes)];
      for (const key of Object.keys(b)) expect(await a[key]!.numpy()).toEqual(await b[key]!.numpy());
    }
  });

  it("leaves nothing behind when the file is damaged", async () => {
    const bytes = writePickle({ floats, longs });
    const before = engine().heap.liveBytes;
    for (const length of [bytes.length - 1, bytes.length - 100, 200_000, 20]) {
      writeFileSync(path, bytes.subarray(0, length));
      await expect(load(path)).rejects.toThrow(InvalidArgumentError);
    }
    expect(engine().heap.liveBytes).toBe(before);
  });
});

describe("HeapFile", () => {
  it("gives a storage to one tensor, and copies to those who ask later", async () => {
    const bytes = new Uint8Array(floats.data.buffer);
    const file = new HeapFile({
      length: bytes.length,
      fill: (target, at) => target.set(bytes.subarray(at, at + target.length)),
      close: () => undefined,
    });
    const elements = file.elements(0, bytes.length);
    const array = { ...floats, data: new Float32Array(elements.buffer, elements.byteOffset, count) } as NdArray;
    const tensor = file.take(array)!;
    expect(file.take(array)).toBeUndefined();
    const copy = file.copied(array);
    file.close();
    tensor.fill_(1);
    expect(copy).toEqual(floats);
    expect(tensor).toBeInstanceOf(Tensor);
    expect(await tensor.at(0, 5).item()).toBe(1);
  });
});
