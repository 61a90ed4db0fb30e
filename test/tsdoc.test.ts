// The examples of the sources' TSDoc: each runs, and prints what the comments at its line ends say.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as oar from "oarjs";
import { afterEach, describe, expect, it } from "vitest";
import { compiled, said } from "./program.js";

/** Rooms whose examples speak of the engine, not of the package. */
const INSIDE = /^(?:device|render|kernel|fuse|program|trace|ops|core|checkpoint)\//;

const root = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !/\.test/.test(file) && !INSIDE.test(file))
  .sort();

/** An example by the file and the line it stands at. */
type Example = readonly [at: string, code: string];

/** What stands between one tag and the next. */
const tagged = /^ *\* @example\n((?: *\*(?![/]| @).*\n)*)/gm;

const examples = files.flatMap((file) => {
  const text = readFileSync(`${root}/${file}`, "utf8");
  return Array.from(text.matchAll(tagged), (found): Example => {
    const line = text.slice(0, found.index).split("\n").length;
    return [`${file}:${line}`, found[1]!.replace(/^ *\* ?/gm, "")];
  });
});
/** Whole programs stand between fences; the others are lines from the middle of one. */
const programs = examples.flatMap(([at, text]): Example[] => {
  const fenced = /^```ts\n([\s\S]*?)^```$/m.exec(text);
  return fenced ? [[at, fenced[1]!]] : [];
});
const lines = examples.filter(([, text]) => !text.includes("```") && !text.includes("…"));

/** Names of the package that no variable can have. */
const RESERVED = new Set(["static", "var"]);

/** What lines from the middle of a program find: the namespaces' names, a network, a dataset, scores and labels. */
function setting(): Record<string, unknown> {
  const net = new oar.nn.Linear(2, 2);
  const images = oar.arange(20).astype("float32").reshape([10, 2]).divide(20);
  const labels = oar.zeros([10, 1], { dtype: "int64" });
  const names = { ...oar.optimizer.lr, ...oar.io, ...oar.metric, ...oar.hapi, ...oar.utils, ...oar };
  return {
    ...Object.fromEntries(Object.entries(names).filter(([name]) => !RESERVED.has(name))),
    ...{ net, parameters: net.parameters(), images, labels, scores: images },
    ...{ dataset: new oar.io.TensorDataset([images, labels]), batches: [[images, labels]] },
  };
}

/** Text without what print forms differ in: blanks, quotes, typed arrays' names, digits beyond the seventh, or the fourth after "about". */
function plain(text: string): string {
  const digits = text.startsWith("about ") ? 4 : 7;
  return text
    .replace(/^about /, "")
    .replace(/\b\w+Array(?:\(\d+\))? ?(?=\[)/g, "")
    .replace(/-?\d+\.\d+(?:e[-+]?\d+)?/g, (n) => String(Number(Number(n).toPrecision(digits))))
    .replace(/[\s'"`]/g, "");
}

afterEach(() => oar.disableStatic());

describe("programs in TSDoc", () => {
  it.each(programs)("%s", async (_, code) => {
    const lines = await (await compiled(code))();
    const expected = said(code);
    // "about" says how many digits of the printed line count.
    const printed = lines.map((line, i) => plain(expected[i]?.startsWith("about ") ? `about ${line}` : line));
    if (expected.length > 0) expect(printed).toEqual(expected.map(plain));
  });
});

describe("lines in TSDoc", () => {
  it.each(lines)("%s", async (_, code) => {
    await (await compiled(code, setting()))();
  });
});
