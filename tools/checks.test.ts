// The repository's own checks, each on small trees that break one rule.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkImports } from "./check-imports.mjs";
import { checkPackage, exportsMap } from "./check-package.mjs";
import { CAPS, checkAll, checkSource } from "./check-source.mjs";

let base = "";
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "oar-checks-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Writes files into the small tree. */
function tree(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  }
}

describe("check-imports", () => {
  const problems = (files: Record<string, string>) => {
    tree(files);
    return checkImports(base, ["fflate", "koffi"]).problems;
  };

  it("accepts downward imports and runtime dependencies", () => {
    const files = {
      "src/index.ts": 'export * from "./nn/index.js";',
      "src/nn/index.ts": 'import type { T } from "../core/t.js"; import { zip } from "fflate";',
      "src/core/t.ts": "export type T = 1;",
      "src/core/t.test.ts": 'import "vitest"; import "../nn/index.js";',
      "src/device/cpu-node.ts": 'import "node:fs"; import "koffi";',
    };
    expect(problems(files)).toEqual([]);
  });

  it("refuses an upward import, a type import included", () => {
    const files = { "src/core/a.ts": '\nimport type { B } from "../nn/b.js";', "src/nn/b.ts": "" };
    expect(problems(files)).toEqual(["src/core/a.ts:2: upward import: core may not import nn (src/nn/b.ts)"]);
  });

  it("refuses cycles and prints their path", () => {
    const files = {
      "src/nn/a.ts": 'import "./b.js";',
      "src/nn/b.ts": 'import "./c.js";',
      "src/nn/c.ts": 'import "./a.js";',
    };
    const path = "src/nn/a.ts -> src/nn/b.ts -> src/nn/c.ts -> src/nn/a.ts";
    expect(problems(files)).toEqual([`src/nn/a.ts:1: import cycle: ${path}`]);
  });

  it("refuses Node's modules outside Node's files, and packages that are not dependencies", () => {
    const [fs, koffi, vitest, bare] = problems({
      "src/io/a.ts": 'import "node:fs";\nimport "koffi";\nimport "vitest";\nimport "fs";',
    });
    expect(fs).toBe('src/io/a.ts:1: "node:fs" outside a *-node.ts or node-*.ts file');
    expect(koffi).toContain("src/io/a.ts:2:");
    expect(vitest).toContain("not a runtime dependency");
    expect(bare).toContain("src/io/a.ts:4:");
  });

  it("refuses unknown rooms, tests imported by code, and the sources imported from outside", () => {
    const found = problems({
      "src/attic/a.ts": "",
      "src/nn/a.ts": 'import "./a.test.js";',
      "src/nn/a.test.ts": "",
      "test/x/a.test.ts": 'import "../../src/nn/a.js";',
    });
    expect(found).toHaveLength(3);
    expect(found[0]).toContain('unknown room "attic"');
    expect(found[1]).toContain("imports a test file");
    expect(found[2]).toContain("test/x/a.test.ts:1:");
  });
});

describe("check-source", () => {
  it("wants an opening sentence", () => {
    expect(checkSource("src/a.ts", "// Says what it is.\nexport {};\n").problems).toEqual([]);
    expect(checkSource("src/a.ts", "export {};\n").problems).toHaveLength(1);
  });

  it("refuses unfinished work and focused tests", () => {
    // Written apart, so that this file does not hold the words itself.
    expect(checkSource("src/a.ts", `// A.\n// ${"TO"}DO: more\n`).problems[0]).toContain("src/a.ts:2:");
    expect(checkSource("src/a.test.ts", '// A.\nit.only("b", () => {});\n').problems[0]).toContain("src/a.test.ts:2:");
  });

  it("counts escapes and holds them to their caps", () => {
    const cast = "x as unknown as T;\n";
    tree({ "src/a.ts": `// A. Not x as unknown as T.\n${cast.repeat(CAPS.doubleCast)}` });
    expect(checkAll(base)).toMatchObject({ problems: [], places: { doubleCast: { length: CAPS.doubleCast } } });
    const ignore = "// biome-ignore lint/suspicious/noExplicitAny: the reason\n";
    tree({ "src/b.ts": `// B.\n${cast}${ignore}` });
    const { problems, places } = checkAll(base);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("src/b.ts:2");
    expect(places.any).toEqual(["src/b.ts:3"]);
  });
});

describe("check-package", () => {
  it("wants the exports map to name what exists, and no address in the lockfile", () => {
    tree({ "src/index.ts": "", "src/nn/functional/index.ts": "" });
    const exports = exportsMap(base);
    expect(Object.keys(exports)).toEqual([".", "./nn/functional", "./package.json"]);
    const manifest = { name: "a", version: "1.0.0", scripts: {}, exports };
    const lock = { name: "a", version: "1.0.0", packages: { "node_modules/b": { version: "1.0.0" } } };
    tree({ "package.json": JSON.stringify(manifest), "package-lock.json": JSON.stringify(lock) });
    expect(checkPackage(base)).toEqual([]);

    tree({ "src/io/index.ts": "" });
    const entry = { version: "1.0.0", resolved: "somewhere" };
    tree({ "package-lock.json": JSON.stringify({ ...lock, version: "2.0.0", packages: { "node_modules/b": entry } }) });
    expect(checkPackage(base)).toHaveLength(3);
  });
});
