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

/** Each example by the file and the line it stands at. */
const examples = files.flatMap((file) => {
  const text = readFileSync(`${root}/${file}`, "utf8");
  return Array.from(text.matchAll(/^ *\* @example\n *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm), (found) => {
    const line = text.slice(0, found.index).split("\n").length;
    return [`${file}:${line}`, found[1]!.replace(/^ *\* ?/gm, "")] as const;
  });
});

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

describe("examples in TSDoc", () => {
  it.each(examples)("%s", async (_, code) => {
    const lines = await (await compiled(code))();
    const expected = said(code);
    // "about" says how many digits of the printed line count.
    const printed = lines.map((line, i) => plain(expected[i]?.startsWith("about ") ? `about ${line}` : line));
    if (expected.length > 0) expect(printed).toEqual(expected.map(plain));
  });
});
