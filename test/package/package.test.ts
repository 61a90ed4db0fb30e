// The package as users get it: what is in it, whether its types and entry points resolve, on Node and in bundles.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build as bundle } from "esbuild";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { filesEnding, type Manifest, manifestOf, type Packed, pack, root } from "./packed.js";

let packed: Packed;
let manifest: Manifest;
/** Import specifiers of all entry points with code, as in "oarjs/nn". */
let specifiers: string[];

beforeAll(() => {
  packed = pack();
  manifest = manifestOf(packed.installed);
  const subpaths = Object.keys(manifest.exports).filter((path) => path !== "./package.json");
  specifiers = subpaths.map((path) => `oarjs${path.slice(1)}`);
}, 120_000);
afterAll(() => packed?.remove());

/** Runs a program of this repository's node_modules, by package and path within it. */
function runTool(name: string, path: string, args: readonly string[], cwd: string): string {
  const folder = dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  return execFileSync(process.execPath, [join(folder, path), ...args], { cwd, encoding: "utf8" });
}

describe("the tarball", () => {
  it("holds the compiled code, its declarations and maps, the licence and the readme, and nothing else", () => {
    const other = packed.files.filter((path) => !/^dist\/.+(?:\.js|\.d\.ts)(?:\.map)?$/.test(path));
    expect(other).toEqual(["LICENSE", "README.md", "dist/node/oar.cjs", "package.json"]);
    expect(packed.files.filter((path) => /\.test\b|\.test-util\b/.test(path))).toEqual([]);
    // The bundle for Node (tools/bundle.mjs) is made of the modules beside it: their declarations are its own.
    const code = packed.files.filter((path) => path.endsWith(".js") && !path.startsWith("dist/node/"));
    expect(code.length).toBeGreaterThan(0);
    for (const path of code) {
      expect(packed.files).toContain(`${path}.map`);
      expect(packed.files).toContain(path.replace(/\.js$/, ".d.ts"));
    }
  });

  it("carries the sources in its maps, and no path of the machine that built it", () => {
    for (const path of filesEnding(packed.installed, ".js.map")) {
      const map = JSON.parse(readFileSync(join(packed.installed, path), "utf8"));
      expect(map.sourcesContent, path).toHaveLength(map.sources.length);
      expect(map.sources.filter((source: string) => source.startsWith("/"))).toEqual([]);
    }
    for (const path of [...filesEnding(packed.installed, ".js"), "dist/node/oar.cjs"]) {
      expect(readFileSync(join(packed.installed, path), "utf8").includes(root), path).toBe(false);
    }
  });

  it("runs no script when it is installed", () => {
    for (const hook of ["preinstall", "install", "postinstall"]) expect(manifest.scripts?.[hook]).toBeUndefined();
  });
});

describe("its entry points", () => {
  it("satisfy publint", async () => {
    const { messages } = await publint({ pkgDir: packed.installed, pack: false, strict: true });
    expect(messages).toEqual([]);
  });

  it("satisfy are-the-types-wrong, as a package of ES modules", () => {
    // It ends non-zero, and so throws here with its report, when a resolution that the profile keeps has a problem.
    const args = [packed.tarball, "--profile", "esm-only", "--format", "ascii", "--no-color"];
    expect(runTool("@arethetypeswrong/cli", "dist/index.js", args, packed.project)).toContain('"oarjs"');
  });

  it("can each be imported on Node", () => {
    const script = join(packed.project, "import.mjs");
    writeFileSync(script, specifiers.map((specifier) => `await import("${specifier}");`).join("\n"));
    expect(execFileSync(process.execPath, [script], { encoding: "utf8" })).toBe("");
  });

  it("give the same objects on Node, whichever way they are imported", () => {
    const script = join(packed.project, "same.mjs");
    const paths = specifiers.slice(1).map((specifier) => specifier.slice("oarjs/".length));
    const program = [
      'import * as oar from "oarjs";',
      `for (const path of ${JSON.stringify(paths)}) {`,
      "  const part = await import(`oarjs/${path}`);",
      '  const namespace = path.split("/").reduce((here, name) => here[name], oar);',
      "  const same = Object.keys(namespace).every((name) => part[name] === namespace[name]);",
      "  if (!same || Object.keys(part).length !== Object.keys(namespace).length) console.log(path);",
      "}",
    ];
    writeFileSync(script, program.join("\n"));
    expect(execFileSync(process.execPath, [script], { encoding: "utf8" })).toBe("");
  });

  it("type-check in a strict project without Node's types", () => {
    const imports = specifiers.map((specifier, i) => `import * as m${i} from "${specifier}";\nexport { m${i} };`);
    writeFileSync(join(packed.project, "user.ts"), imports.join("\n"));
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true, types: [] },
      ...{
        target: "ES2022",
        module: "ESNext",
        moduleResolution: "Bundler",
        lib: ["ES2023", "ESNext.Disposable", "DOM"],
      },
    };
    writeFileSync(join(packed.project, "package.json"), '{ "type": "module" }');
    writeFileSync(join(packed.project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["user.ts"] }));
    expect(runTool("typescript", "bin/tsc", ["-p", packed.project], packed.project)).toBe("");
  });

  it("can each be bundled for browsers", async () => {
    for (const specifier of specifiers) {
      const result = await bundle({
        stdin: { contents: `export * from "${specifier}";`, resolveDir: packed.project },
        ...{ bundle: true, write: false, format: "esm", platform: "browser", target: "es2022", logLevel: "silent" },
      });
      expect([...result.errors, ...result.warnings], specifier).toEqual([]);
    }
  });

  it("each have a declaration file", () => {
    for (const entry of Object.values(manifest.exports)) {
      if (typeof entry !== "string") expect(existsSync(join(packed.installed, entry.types)), entry.types).toBe(true);
    }
  });
});
