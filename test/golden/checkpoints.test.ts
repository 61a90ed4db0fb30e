// Golden: checkpoints that Paddle 2.6.2 and 3.3.1 wrote, read element for element; damaged and malicious files; files written here.

import { isNdArray, load, type NdArray, nn, OarError, optimizer, save, Tensor, toTensor, utils } from "oarjs";
import { describe, expect, test } from "vitest";
import { fixtureBytes, fixtureJson, fixturePath } from "./fixtures-node.js";

interface File {
  readonly file?: string;
  readonly kind?: string;
  readonly keys?: readonly (readonly [string, string, string, readonly number[]] | readonly [string, unknown])[];
  readonly loaded?: unknown;
}

const pickled = /\.(pdparams|pdopt|pd)$/;

/** The elements as bytes. */
const bytesOf = ({ data }: NdArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Paddle's description of a loaded object. */
function described(x: unknown): unknown {
  if (x instanceof Tensor) return { tensor: x.dtype, shape: [...x.shape], name: x.name };
  if (isNdArray(x)) return { ndarray: x.dtype, shape: [...x.shape] };
  if (Array.isArray(x)) return { list: x.map(described) };
  if (x instanceof Set) return { set: [...x] };
  if (typeof x === "bigint") return { int: String(x) };
  if (typeof x === "object" && x !== null) return { dict: Object.entries(x).map(([k, v]) => [k, described(v)]) };
  return x;
}

/** What the manifest says beyond JavaScript: tuples are lists, bare tensors have no recorded name, scalars are numbers. */
function expected(x: unknown): unknown {
  if (Array.isArray(x)) return x.map(expected);
  if (typeof x !== "object" || x === null) return x;
  const r = x as Record<string, unknown>;
  if ("tuple" in r) return { list: expected(r["tuple"]) };
  if ("scalar" in r) return r["value"];
  return Object.fromEntries(Object.entries(r).map(([k, v]) => [k, expected(v)]));
}

/** Where a recorded array stands in what is loaded: keys of state dicts have dots, paths in objects have slashes. */
function pathOf(file: string, name: string): string[] {
  if (file.endsWith(".bin")) return [];
  if (name === "root") return [];
  return name.startsWith("root/") ? name.split("/").slice(1) : name.startsWith("master") ? name.split("/") : [name];
}

/** Without the names of tensors that Paddle numbers when it loads. */
function unnumbered(x: unknown): unknown {
  return JSON.parse(JSON.stringify(x).replace(/,"name":"(generated_tensor|eager_tmp)_\d+"/g, ""));
}

describe.each(["dygraph_3.3.1", "dygraph_2.6.2"])("%s", (folder) => {
  const at = `checkpoints/${folder}`;
  const { files } = fixtureJson<{ readonly files: readonly File[] }>(`${at}/manifest.json`);
  const truth = load(fixturePath(`${at}/values.npz`) as `${string}.npz`);
  const entries = files.filter((f) => f.file && (pickled.test(f.file) || f.file.startsWith("binary_")));

  test.each(entries.map((f) => [f.file!, f] as const))("%s", async (file, f) => {
    const loaded = await load(fixturePath(`${at}/${file}`));
    if (f.loaded !== undefined) expect(unnumbered(described(loaded))).toEqual(unnumbered(expected(f.loaded)));
    for (const [key, want] of Object.entries(await truth)) {
      const [owner, name] = key.split("|") as [string, string];
      if (owner !== file) continue;
      const path = pathOf(file, name);
      const got = path.reduce((x, part) => (x as Record<string, unknown>)[part], loaded as unknown) as Tensor | NdArray;
      const array = isNdArray(got) ? got : await got.numpy();
      expect([array.dtype, array.shape]).toEqual([want.dtype, want.shape]);
      expect(bytesOf(array)).toEqual(bytesOf(want));
    }
    for (const entry of f.keys ?? []) {
      const value = (loaded as Record<string, unknown>)[entry[0]];
      if (entry.length === 4) expect((value as Tensor).name).toBe(entry[1]);
      else expect(value).toEqual(entry[1]);
    }
  });
});

describe("damaged and malicious files", () => {
  const { cases } = fixtureJson<{ readonly cases: readonly { readonly file: string; readonly must: string }[] }>(
    "checkpoints/corrupt/manifest.json",
  );
  test.each(cases.map((c) => [c.file, c] as const))("%s", async (file, { must }) => {
    const bytes = Uint8Array.from(fixtureBytes(`checkpoints/corrupt/${file}`));
    const start = performance.now();
    const result = await load(bytes).then(
      () => "loads",
      (error: unknown) => (error instanceof OarError ? "typed error" : String(error)),
    );
    expect(performance.now() - start).toBeLessThan(2000);
    if (must.startsWith("typed error, nothing")) expect(result).toBe("typed error");
    else if (must === "loads") expect(result).toBe("loads");
    else expect(["loads", "typed error"]).toContain(result);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("every truncation of a good file is a typed error", async () => {
    const good = await save(new nn.Linear(2, 3).stateDict(), undefined, { format: "pickle" });
    for (let n = 0; n < good.length; n++) await expect(load(good.slice(0, n))).rejects.toBeInstanceOf(OarError);
  });
});

describe("written here", () => {
  const net = () => utils.uniqueName.guard(() => new nn.Sequential(new nn.Linear(3, 2), new nn.BatchNorm1D(2)));

  test.each([2, 3, 4] as const)("a state dict in protocol %i comes back, with names", async (protocol) => {
    const state = net().stateDict();
    const bytes = await save(state, undefined, { format: "pickle", protocol });
    const back = await load<Record<string, Tensor>>(bytes);
    expect(Object.keys(back)).toEqual(Object.keys(state));
    for (const [key, t] of Object.entries(state)) {
      expect(back[key]!.dataSync()).toEqual(t.dataSync());
      expect(back[key]!.name).toBe(t.name);
    }
    const table = await load<Record<string, unknown>>(bytes, { keepNameTable: true });
    expect({ ...(table["StructuredToParameterName@@"] as object) }).toMatchObject({ "0.weight": "linear_0.w_0" });
  });

  test("optimizer state, schedules, nested objects, half precision, empty tensors", async () => {
    const layer = net();
    const opt = new optimizer.Adam({
      learningRate: new optimizer.lr.StepDecay(0.1, 3),
      parameters: layer.parameters(),
    });
    (
      layer(
        toTensor([
          [1, 2, 3],
          [3, 1, 2],
        ]),
      ) as Tensor
    )
      .sum()
      .backward();
    opt.step();
    const state = await load<Record<string, unknown>>(await save(opt.stateDict(), undefined, { format: "pickle" }));
    opt.setStateDict(state);
    const other = {
      model: layer.stateDict(),
      epoch: 3,
      rate: 0.25,
      big: 2n ** 70n,
      negative: -123456789012,
      text: "é".repeat(300),
      none: null,
      flags: [true, false],
      half: toTensor({ dtype: "bfloat16", shape: [2], data: Uint16Array.of(16256, 16384) }),
      empty: toTensor({ dtype: "int64", shape: [0, 4], data: new BigInt64Array(0) }),
      set: new Set([1, 2]),
      map: new Map([[1, "one"]]),
    };
    for (const protocol of [2, 3, 4] as const) {
      const back = await load<typeof other>(await save(other, undefined, { format: "pickle", protocol }));
      const { model, half, empty, ...plain } = other;
      for (const key of Object.keys(plain) as (keyof typeof plain)[]) expect(back[key]).toEqual(plain[key]);
      expect(back.half.dataSync()).toEqual(half.dataSync());
      expect(back.empty.shape).toEqual(empty.shape);
      expect(Object.keys(back.model)).toEqual(Object.keys(model));
    }
  });

  test("a single tensor in the binary format", async () => {
    const x = toTensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const bytes = await save(x, undefined, { useBinaryFormat: true });
    expect(bytes.length).toBe(50);
    expect(Buffer.from(bytes.slice(0, 26)).toString("hex")).toBe(
      "0000000000000000000000000000000006000000080510021003",
    );
    expect((await load<Tensor>(bytes)).dataSync()).toEqual(x.dataSync());
  });

  test("what cannot be saved is named", async () => {
    await expect(save({ a: { f: () => 1 } }, undefined, { format: "pickle" })).rejects.toThrow(/"f" is a function/);
    const loop: unknown[] = [];
    loop.push(loop);
    await expect(save({ loop }, undefined, { format: "pickle" })).rejects.toBeInstanceOf(Error);
  });
});
