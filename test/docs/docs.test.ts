// The documentation's programs run, each in a process state of its own, and print what their comments say.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { formatWithOptions } from "node:util";
import { build, transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = ["parameters.md", "parameters.zh.md"];

interface Block {
  readonly title: string;
  readonly code: string;
}

/** TypeScript blocks of a page with the heading above each. */
function blocksOf(page: string): Block[] {
  let heading = page;
  let lines: string[] | undefined;
  const out: Block[] = [];
  for (const line of readFileSync(join(root, "docs", page), "utf8").split("\n")) {
    if (lines && line === "```") {
      out.push({ title: `${heading} (${out.length + 1})`, code: lines.join("\n") });
      lines = undefined;
    } else if (lines) lines.push(line);
    else if (line === "```ts") lines = [];
    else if (line.startsWith("## ")) heading = line.slice(3);
  }
  return out;
}

/** What the comments behind `console.log(…);` promise, in order; undefined where there is none. */
const promised = (code: string): (string | undefined)[] =>
  [...code.matchAll(/console\.log\(.*\);(?: \/\/ (.*))?$/gm)].map((m) => m[1]);

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "oar-docs-"));
  await build({
    entryPoints: [join(root, "src/index.ts")],
    outfile: join(folder, "oar.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["koffi"],
    alias: { "#platform": join(root, "src/device/platform-node.ts") },
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "error",
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

let runs = 0;

/** Runs a block with its own copy of the package, in the folder of the test; gives what it printed. */
async function printed(code: string): Promise<string[]> {
  const n = runs++;
  const { code: js } = await transform(code, { loader: "ts", format: "esm", target: "es2022" });
  const file = join(folder, `block_${n}.mjs`);
  writeFileSync(file, js.replaceAll('"oarjs"', `"./oar.mjs?copy=${n}"`).replaceAll('"./out/', `"${folder}/`));
  const out: string[] = [];
  const log = console.log;
  console.log = (...args: unknown[]) => out.push(formatWithOptions({ breakLength: Infinity }, ...args));
  try {
    await import(/* @vite-ignore */ pathToFileURL(file).href);
  } finally {
    console.log = log;
  }
  return out;
}

const [english, ...translations] = pages as [string, ...string[]];

describe(english, () => {
  const blocks = blocksOf(english);
  test.each(blocks.map((b) => [b.title, b] as const))("%s", async (_, { code }) => {
    const want = promised(code);
    const got = await printed(code);
    expect(got.length).toBe(want.length);
    want.forEach((text, i) => {
      if (text !== undefined) expect(got[i]).toBe(text);
    });
  });

  test("types", () => {
    blocks.forEach(({ code }, i) => writeFileSync(join(folder, `typed_${i}.ts`), code));
    const compilerOptions = {
      noEmit: true,
      skipLibCheck: true,
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      paths: { oarjs: [join(root, "src/index.ts")], "#platform": [join(root, "src/device/platform-node.ts")] },
    };
    const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["typed_*.ts"] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" });
    expect(stdout.split("\n").filter((line) => line.includes("typed_"))).toEqual([]);
  });
});

test.each(translations)("%s has the same programs", (page) => {
  // Comments may be translated; what is printed is not.
  const bare = (line: string): string =>
    line.includes("console.log") ? line : line.replace(/^\s*\/\*\*.*$/, "").replace(/\s*\/\/ .*$/, "");
  const plain = ({ code }: Block): string => code.split("\n").map(bare).join("\n");
  expect(blocksOf(page).map(plain)).toEqual(blocksOf(english).map(plain));
});

describe("debugging.md", () => {
  test("its program runs, writes a trace and prints tables", async () => {
    const [block] = blocksOf("debugging.md");
    const text = (await printed(block!.code)).join("\n");
    for (const title of ["Overview", "Model", "Operator", "Kernel", "UserDefined"])
      expect(text).toContain(` ${title} Summary `);
    const files = readdirSync(join(folder, "log"));
    expect(files.filter((name) => name.endsWith(".paddle_trace.json"))).toHaveLength(1);
  });
});
