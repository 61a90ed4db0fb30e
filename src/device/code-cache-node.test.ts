// V8's code kept in the cache folder: it is used, and nothing that is wrong with it changes what a script gives.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder: string;
let cache: string;
let program: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "oar-code-"));
  cache = join(folder, "cache");
  program = join(folder, "program.mjs");
  const script = join(folder, "script.cjs");
  writeFileSync(script, "(function (require, url) {\nreturn { sum: (a, b) => a + b, url };\n})\n");
  const module = fileURLToPath(new URL("code-cache-node.ts", import.meta.url));
  const contents = `import { runCached } from ${JSON.stringify(module)};
    const { sum, url } = runCached(new URL(${JSON.stringify(pathToFileURL(script).href)}), process.argv[2]);
    console.log(sum(2, 3), url.endsWith("script.cjs"));`;
  const stdin = { contents, resolveDir: folder, loader: "ts" as const };
  buildSync({ stdin, outfile: program, bundle: true, platform: "node", format: "esm", logLevel: "error" });
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(): void {
  const { stdout, stderr } = spawnSync(process.execPath, [program, cache], { encoding: "utf8" });
  expect({ stdout, stderr }).toEqual({ stdout: "5 true\n", stderr: "" });
}

const files = (): string[] => readdirSync(cache);
const path = (): string => join(cache, files()[0]!);

describe("runCached", () => {
  it("keeps one file, which later runs leave as it is", () => {
    run();
    expect(files()).toEqual([expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{8}\.code$/)]);
    const kept = readFileSync(path());
    run();
    expect(readFileSync(path())).toEqual(kept);
  });

  it("replaces a file that was cut short or changed", () => {
    const whole = readFileSync(path());
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(200) ^ 1, 200);
    for (const wrong of [Buffer.alloc(0), whole.subarray(0, 100), changed]) {
      writeFileSync(path(), wrong);
      run();
      expect(readFileSync(path()).length).toBe(whole.length);
      expect(readFileSync(path())).not.toEqual(changed);
    }
  });

  it.skipIf(process.getuid === undefined)(
    "does not run what others could have written, and closes the folder to them",
    () => {
      writeFileSync(path(), "theirs");
      chmodSync(cache, 0o777);
      run();
      expect(readFileSync(path(), "latin1")).not.toBe("theirs");
    },
  );

  it("keeps the files of the last four settings", () => {
    for (let i = 0; i < 6; i++) writeFileSync(join(cache, `${i}.code`), "old");
    for (const name of files().filter((f) => f.length > 8)) rmSync(join(cache, name));
    run();
    expect(files().length).toBe(4);
    expect(files().some((name) => name.length > 8)).toBe(true);
  });

  it("runs without a place for the cache", () => {
    rmSync(cache, { recursive: true });
    writeFileSync(cache, "a file");
    run();
  });
});
