// load and save: formats, sources, writing all or nothing, failures by kind.

import { createServer } from "node:http";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidArgumentError, NotFoundError, UnavailableError, UnimplementedError } from "../core/errors.js";
import { type NdArray, ndArray } from "../core/nd-array.js";
import type { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { load, save } from "./files.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "oar-files-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const x = ndArray("float32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));

describe("files", () => {
  it("reads what NumPy wrote", async () => {
    const fixtures = fileURLToPath(new URL("../../test/fixtures/npy/", import.meta.url));
    const file = readdirSync(fixtures).find((name) => name.endsWith(".npy"))!;
    const array = await load<NdArray>(join(fixtures, file));
    expect(array.data.length).toBeGreaterThan(0);
  });

  it("writes and reads one array as .npy, tensors too, by path and URL", async () => {
    const path = join(folder, "x.npy");
    await save(x, path);
    expect(await load(pathToFileURL(path))).toEqual(x);
    await save(toTensor([[7n]]), path);
    expect(await load(path)).toEqual(ndArray("int64", [1, 1], BigInt64Array.of(7n)));
    expect(readdirSync(folder)).toEqual(["x.npy"]);
  });

  it("writes and reads a record as .npz, in order", async () => {
    const path = join(folder, "state.npz");
    await save({ "fc.weight": x, "fc.bias": toTensor([1]) }, path, { compressed: true });
    const state = await load<Record<string, NdArray>>(path);
    expect(Object.keys(state)).toEqual(["fc.weight", "fc.bias"]);
    expect(state["fc.weight"]).toEqual(x);
  });

  it("keeps the values a tensor had when it was saved", async () => {
    const [path, t] = [join(folder, "now.pdparams"), toTensor([[1, 2, 3]]).tile([100, 100])];
    const saving = save({ t }, path as `${string}.pdparams`);
    t.fill_(7);
    await saving;
    const saved = (await load<Record<string, Tensor>>(path))["t"]!;
    expect(await saved.at(99).tolist()).toEqual(Array.from({ length: 300 }, (_, i) => (i % 3) + 1));
    rmSync(path);
  });

  it("gives bytes without a path, and takes them", async () => {
    const bytes = await save(x);
    expect(await load(bytes)).toEqual(x);
    expect(await load(new Blob([bytes as Uint8Array<ArrayBuffer>]))).toEqual(x);
    expect(await load(bytes.slice().buffer as ArrayBuffer)).toEqual(x);
  });

  it("fetches URLs", async () => {
    const bytes = await save(x);
    const server = createServer(({ url }, response) => {
      response.statusCode = url === "/x.npy" ? 200 : url === "/gone" ? 404 : 500;
      response.end(bytes);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      expect(await load(`${base}/x.npy`)).toEqual(x);
      await expect(load(`${base}/gone`)).rejects.toThrow(NotFoundError);
      await expect(load(`${base}/broken`)).rejects.toThrow(UnavailableError);
      await expect(save(x, new URL(`${base}/x.npy`))).rejects.toThrow(UnavailableError);
    } finally {
      server.close();
    }
  });
});

describe("refusals", () => {
  it("name what is missing", async () => {
    await expect(load(join(folder, "none.npy"))).rejects.toThrow(NotFoundError);
    await expect(save(x, join(folder, "none", "x.npy"))).rejects.toThrow(NotFoundError);
  });

  it("tell a folder, a damaged file and an unknown format apart", async () => {
    await expect(load(folder)).rejects.toThrow(UnavailableError);
    const damaged = join(folder, "damaged.npy");
    writeFileSync(damaged, (await save(x)).subarray(0, 70));
    await expect(load(damaged)).rejects.toThrow(InvalidArgumentError);
    await expect(load(new TextEncoder().encode("hello"))).rejects.toThrow(UnimplementedError);
    await expect(load(3 as never)).rejects.toThrow(InvalidArgumentError);
  });

  it("leave the former file when writing fails", async () => {
    const path = join(folder, "kept.npz");
    await save({ x }, path);
    const before = readFileSync(path);
    await expect(save({ x: 1 } as never, path)).rejects.toThrow('"x" must be a tensor');
    await expect(save(x, path)).rejects.toThrow("is saved as .npy");
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});
