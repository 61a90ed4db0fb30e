// The recipes of CONTRIBUTING.md: their files are put beside the sources, their programs run, and what is printed compared.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./packed.js";

/** The code blocks that name a file. */
const blocks = new Map(
  Array.from(
    readFileSync(join(root, "CONTRIBUTING.md"), "utf8").matchAll(/^```ts (\S+)\n([\s\S]*?)^```/gm),
    ([, path, text]) => [join(root, path!), text!] as const,
  ),
);
const programs = [...blocks.keys()].filter((path) => path.includes("try-")).map((path) => relative(root, path));

/** Files of the recipes, as if they lay in the sources. */
const overlay: Plugin = {
  name: "overlay",
  setup(builder) {
    builder.onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
      const file = join(dirname(importer), path.replace(/\.js$/, ".ts"));
      return blocks.has(file) ? { path: file } : undefined;
    });
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const contents = blocks.get(path);
      return contents === undefined ? undefined : { contents, loader: "ts", resolveDir: dirname(path) };
    });
    builder.onResolve({ filter: /try-/ }, ({ path, kind }) => (kind === "entry-point" ? { path } : undefined));
  },
};

let folder: string;
beforeAll(() => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache", "contributing-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the recipes of CONTRIBUTING.md", () => {
  it("add files that do not exist, each opening with a sentence", () => {
    expect(programs.length).toBeGreaterThanOrEqual(3);
    for (const [path, text] of blocks) {
      expect(existsSync(path), path).toBe(false);
      if (!programs.includes(relative(root, path))) expect(text).toMatch(/^\/\/ .+\.\n/);
    }
  });

  it.each(programs)("%s prints what its comments say", async (program) => {
    const outfile = join(folder, "program.mjs");
    await build({
      entryPoints: [join(root, program)],
      outfile,
      plugins: [overlay],
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: ["koffi"],
      alias: { "#platform": join(root, "src/device/platform-node.ts") },
      tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
    });
    const printed = execFileSync(process.execPath, [outfile], { encoding: "utf8" });
    const said = Array.from(
      blocks.get(join(root, program))!.matchAll(/^console\.log\(.*; \/\/ (.*)$/gm),
      ([, text]) => text,
    );
    expect(printed.trimEnd().split("\n")).toEqual(said);
  });
});
