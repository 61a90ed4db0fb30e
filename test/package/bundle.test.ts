// The bundle of a small example: its size is bounded, and minified names change nothing that users or checkpoints see.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./packed.js";

/** Bytes of the minified browser bundle, and of the same gzipped. Most of it are the methods of Tensor and the ops they need. */
const LIMITS = { bytes: 550_000, gzipped: 180_000 };

let folder: string;
beforeAll(() => {
  // Inside the repository, where koffi is found.
  mkdirSync(join(root, ".cache"), { recursive: true });
  folder = mkdtempSync(join(root, ".cache", "bundle-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function bundle(platform: "node" | "browser", minify: boolean): Promise<string> {
  const result = await build({
    entryPoints: [join(root, "test/package/mlp.ts")],
    bundle: true,
    write: false,
    minify,
    platform,
    format: "esm",
    target: "es2022",
    external: ["koffi"],
    alias: {
      "#platform": join(root, `src/device/platform-${platform}.ts`),
      ...Object.fromEntries(
        ["nn/functional", "nn", "optimizer"].map((p) => [`oarjs/${p}`, join(root, `src/${p}/index.ts`)]),
      ),
      oarjs: join(root, "src/index.ts"),
    },
    tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
    logLevel: "silent",
  });
  expect(result.warnings).toEqual([]);
  return result.outputFiles[0]!.text;
}

function run(program: string, name: string): unknown {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, program);
  return JSON.parse(execFileSync(process.execPath, [file], { encoding: "utf8" }));
}

describe("a bundle of the MLP example", () => {
  it("is no larger than it has to be", async () => {
    const program = await bundle("browser", true);
    const size = { bytes: program.length, gzipped: gzipSync(program).length };
    expect(size.bytes).toBeLessThan(LIMITS.bytes);
    expect(size.gzipped).toBeLessThan(LIMITS.gzipped);
    // What the example does not use is not there.
    expect(program).not.toMatch(/DataLoader|"Adam"|"Conv2D"/);
  });

  it("has the same names and losses minified", async () => {
    const plain = run(await bundle("node", false), "plain");
    expect(run(await bundle("node", true), "minified")).toEqual(plain);
    expect(plain).toMatchObject({
      names: [
        ["hidden.weight", "linear_0.w_0", "linear_0"],
        ["hidden.bias", "linear_0.b_0", "linear_0"],
        ["out.weight", "linear_1.w_0", "linear_1"],
        ["out.bias", "linear_1.b_0", "linear_1"],
      ],
      layers: ["mlp_0", "linear_0", "re_lu_0", "linear_1"],
    });
  });
});
