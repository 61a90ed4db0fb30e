// The README's program: run, and what it prints compared with the comment beside it.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { root } from "./packed.js";

it("does what it says", async () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const [, program = ""] = /^```ts\n([\s\S]*?)^```/m.exec(readme) ?? [];
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "readme-"));
  try {
    const outfile = join(folder, "readme.mjs");
    await build({
      stdin: { contents: program, resolveDir: root, loader: "ts" },
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: ["koffi"],
      alias: { oarjs: join(root, "src/index.ts"), "#platform": join(root, "src/device/platform-node.ts") },
      tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
    });
    const printed = execFileSync(process.execPath, [outfile], { encoding: "utf8" });
    expect(printed.trimEnd()).toBe(/; \/\/ (.*)$/m.exec(program)?.[1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
