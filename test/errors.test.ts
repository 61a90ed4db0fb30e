// Errors: the programs of docs/errors.md fail and are cured as the page says; the common mistakes give the documented kinds.

import { readFileSync } from "node:fs";
import * as oar from "oarjs";
import { afterEach, describe, expect, it } from "vitest";
import { compiled, said } from "./program.js";

const { nn } = oar;
const page = readFileSync(new URL("../docs/errors.md", import.meta.url), "utf8");

interface Example {
  readonly heading: string;
  readonly fails: boolean;
  readonly code: string;
  /** The message a failing program gives. */
  readonly message: string | undefined;
}

/** Every program of the page, with the `##` section it stands in. */
const examples: Example[] = [];
const named: string[] = [];
for (const section of page.split(/^## /m)) {
  const heading = section.slice(0, section.indexOf("\n"));
  if (/Error$/.test(heading)) named.push(heading);
  for (const [, flag, code, message] of section.matchAll(
    /^```ts( fails)?\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```)?/gm,
  )) {
    examples.push({ heading, fails: flag !== undefined, code: code!, message: message?.trimEnd() });
  }
}

/** The error a function throws, at once or later. */
async function errorOf(fn: () => unknown): Promise<oar.OarError> {
  const thrown = await Promise.resolve()
    .then(fn)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  if (!(thrown instanceof oar.OarError)) throw new Error(`expected an OarError, got ${String(thrown)}`);
  return thrown;
}

/** A page's message as a pattern: `…` stands for a number or a place of the machine; hints keep theirs. */
const pattern = (message: string): RegExp =>
  new RegExp(
    `^${message
      .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
      .replace(/… MiB/g, "\\d+ MiB")
      .replace("Called: …", "Called: .*:\\d+")}$`,
  );

afterEach(() => oar.disableStatic());

describe("docs/errors.md", () => {
  it("has a section for each kind", () => {
    const kinds = Object.keys(oar).filter((name) => /Error$/.test(name) && name !== "OarError");
    expect(named.sort()).toEqual(kinds.sort());
  });

  it.each(examples.map((e, i) => [`${i + 1}, ${e.heading}, ${e.fails ? "fails" : "runs"}`, e] as const))(
    "program %s",
    async (_, { heading, fails, code, message }) => {
      const program = await compiled(code);
      if (fails) {
        const error = await errorOf(program);
        expect(error.name).toBe(heading);
        expect(error.message).toMatch(pattern(message!));
      } else {
        expect(await program()).toEqual(said(code));
      }
    },
  );
});

describe("common mistakes", () => {
  const x = oar.ones([2, 3]);
  const leaf = () => oar.toTensor([1, 2], { stopGradient: false });
  const ints = (...values: number[]) => oar.toTensor(values, { dtype: "int64" });
  const twice = () => {
    const loss = leaf().exp().sum();
    loss.backward();
    loss.backward();
  };

  it.each<[string, () => unknown, string, Record<string, unknown>]>([
    ["shapes of a product", () => new nn.Linear(4, 2)(x), "InvalidArgument", { op: "matmul", x: [2, 3], y: [4, 2] }],
    ["shapes that do not broadcast", () => x.add(oar.ones([4, 3])), "InvalidArgument", { op: "add" }],
    ["elements of a reshape", () => x.reshape([4, 2]), "InvalidArgument", { op: "reshape", x: [2, 3] }],
    ["ragged data", () => oar.toTensor([[1, 2], [3]]), "InvalidArgument", { op: "toTensor", path: "data[1]" }],
    [
      "a dtype that is none",
      () => oar.ones([2], { dtype: "float31" as never }),
      "InvalidArgument",
      { dtype: "float31" },
    ],
    ["dtypes that do not mix", () => oar.matmul(x, oar.ones([3, 2], { dtype: "int64" })), "InvalidArgument", {}],
    ["a float as an index", () => oar.gather(x, oar.ones([1])), "InvalidArgument", { dtype: "float32" }],
    ["a boolean difference", () => x.equal(x).subtract(x.equal(x)), "InvalidArgument", { dtype: "bool" }],
    ["an item of many", () => x.item(), "InvalidArgument", { op: "item" }],
    ["data of another dtype", () => x.data("int64"), "InvalidArgument", { op: "data" }],
    ["an index", () => x.at(5), "OutOfRange", { op: "at", index: 5, axis: 0 }],
    ["an index of gather", () => oar.gather(x, ints(7)), "OutOfRange", { op: "gather", index: 7 }],
    ["an axis", () => oar.sum(x, 3), "OutOfRange", { op: "sum", axis: 3, rank: 2 }],
    ["an axis of a join", () => oar.concat([x, x], { axis: 2 }), "OutOfRange", { op: "concat", axis: 2 }],
    ["a graph used twice", twice, "PreconditionNotMet", {}],
    ["a gradient of a constant", () => x.sum().backward(), "InvalidArgument", { op: "backward" }],
    ["a gradient that is not there", () => oar.grad(leaf().sum(), leaf()), "InvalidArgument", { op: "grad" }],
    ["a leaf changed in place", () => leaf().add_(1), "PreconditionNotMet", { op: "add_" }],
    ["an option's name", () => oar.sum(x, { axes: 1 } as object), "InvalidArgument", { op: "sum", option: "axes" }],
    [
      "an optimizer without parameters",
      () => new oar.optimizer.Adam({ learningRate: 1 }),
      "InvalidArgument",
      { op: "Adam" },
    ],
    ["a probability", () => new nn.Dropout(2)(x), "InvalidArgument", { p: 2 }],
    ["a missing file", () => oar.load("missing.npy"), "NotFound", { op: "load", path: "missing.npy" }],
  ])("%s", async (_, fn, kind, fields) => {
    const error = await errorOf(fn);
    expect(error.kind).toBe(kind);
    expect(error.fields).toMatchObject(fields);
    expect(error.message.startsWith(`(${kind}) `)).toBe(true);
  });

  it("name the layers, in the stack too, once each", async () => {
    const inner = new nn.Linear(4, 2);
    const outer = new nn.Sequential(new nn.Sequential(inner));
    const error = await errorOf(() => outer(x));
    const names = [outer, outer.at(0) as oar.nn.Layer, inner].map((layer) => layer.fullName());
    expect(error.layers).toEqual(names);
    const line = `  [Layer: ${names.join(" > ")}]`;
    expect(error.message.split("\n").at(-1)).toBe(line);
    expect(error.stack!.split("\n").filter((l) => l.includes("[Layer: "))).toEqual([line]);
  });

  it.each([
    [() => oar.sum(x, { axes: 1 } as object), "axis"],
    [() => new nn.Linear(2, 2, { bias: false } as object), "biasAttr"],
    [() => new nn.Linear(2, 2, { weightAtr: false } as object), "weightAttr"],
    [() => new oar.optimizer.SGD({ learning_rate: 1 } as object), "learningRate"],
    [() => oar.ones([2], { dtype: "floa32" as never }), "float32"],
    [() => x.astype("int" as never), "int8"],
  ])("suggestion %#", async (fn, wanted) => {
    expect((await errorOf(fn)).fields.hint).toBe(`Did you mean "${wanted}"?`);
  });
});
