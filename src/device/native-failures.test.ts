// Tests of what goes wrong around the native target: compilers, caches, other processes.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { UnavailableError } from "../core/errors.js";
import { Builder } from "../kernel/builder.js";
import { binary, constant } from "../kernel/expr.js";
import type { Kernel } from "../kernel/stmt.js";
import { Heap } from "./heap.js";
import { createNativeTarget, type NativeOptions, type NativeTarget } from "./native-node.js";
import { inBackground } from "./native.test-util.js";

const home = mkdtempSync(join(tmpdir(), "oar-test-"));
const heap = new Heap();
const open: NativeTarget[] = [];
let folder = 0;
let cache = "";

beforeEach(() => {
  cache = join(home, `cache${folder++}`);
});

afterAll(() => {
  for (const target of open) target.close();
  rmSync(home, { recursive: true, force: true });
});

const create = (
  env: Record<string, string> = {},
  options: NativeOptions = {},
): ReturnType<typeof createNativeTarget> => {
  const result = createNativeTarget(heap, {
    env: { ...process.env, OAR_CACHE: cache, ...env },
    threads: 1,
    ...options,
  });
  if (result.target) open.push(result.target);
  return result;
};

const available = create().target !== undefined;

/** `y = x + c`. */
function addKernel(c: number): Kernel {
  const b = new Builder("add");
  const [x, y] = [b.buffer("x", "f32"), b.buffer("y", "f32")];
  b.parallel(1, () => b.lanes(0, 100, (i) => b.store(y, i, binary("add", b.load(x, i), constant("f32", c)))));
  return b.finish()[0]!;
}

/** Whether the target computes x + c. */
function works(target: NativeTarget, c: number): boolean {
  const [at, args] = [heap.alloc(800), heap.alloc(16)];
  heap.views.f32.fill(0.25, at / 4, at / 4 + 100);
  heap.views.u32.set([at, 0, at + 400, 0], args / 4);
  target.compile([addKernel(c)])[0]!.run(args, 0, 1, 0);
  return heap.views.f32.slice(at / 4 + 100, at / 4 + 200).every((v) => v === Math.fround(0.25 + c));
}

/** A shell script in place of a compiler. */
function script(name: string, lines: string): string {
  const path = join(home, name);
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Passes the question for macros on to the real compiler. */
const answers = 'for a; do [ "$a" = -E ] && exec cc "$@"; done';
const files = (suffix: string): string[] => readdirSync(join(cache, "native")).filter((f) => f.endsWith(suffix));

describe("without a working compiler", () => {
  it("says that there is none", () => {
    const { target, reason } = create({ OAR_CC: join(home, "no-such-compiler") });
    expect(target).toBeUndefined();
    expect(reason?.kind).toBe("no-compiler");
    expect(reason?.tried.join()).toContain("no-such-compiler");
    expect(create({ OAR_CC: "", PATH: join(home, "empty") }).reason?.kind).toBe("no-compiler");
  });

  it("says that what was found is no compiler, or a broken one", () => {
    expect(create({ OAR_CC: "true" }).reason?.kind).toBe("no-compiler");
    expect(create({ OAR_CC: script("fails", "echo 'fatal error: no' >&2; exit 3") }).reason?.tried.join()).toContain(
      "no",
    );
  });
});

describe.skipIf(!available)("with a broken compiler", () => {
  it("says that it cannot make libraries", () => {
    const { reason } = create({ OAR_CC: script("half", `${answers}\necho 'error: cannot link' >&2; exit 1`) });
    expect(reason?.kind).toBe("compiler-failed");
    expect(reason?.tried.join()).toContain("cannot link");
  });

  it("says that its libraries cannot be loaded, and recovers when it is repaired", () => {
    const path = script("junk", `${answers}\ncat > /dev/null\nwhile [ "$1" != -o ]; do shift; done; echo junk > "$2"`);
    expect(create({ OAR_CC: path }).reason?.kind).toBe("load-failed");
    script("junk", 'exec cc "$@"');
    expect(works(create({ OAR_CC: path }).target!, 1)).toBe(true);
  });

  it("throws the compiler's words when it breaks later, in both ways to compile", async () => {
    const flag = join(home, "broken");
    const path = script(
      "later",
      `${answers}\n[ -e ${flag} ] && { echo 'error: disk full' >&2; exit 1; }\nexec cc "$@"`,
    );
    const target = create({ OAR_CC: path }).target!;
    writeFileSync(flag, "");
    expect(() => target.compile([addKernel(2)])).toThrow(UnavailableError);
    await expect(inBackground(target, [addKernel(2)])).rejects.toThrow(/disk full/);
    rmSync(flag);
    expect(works(target, 2)).toBe(true);
    expect(files(".tmp")).toEqual([]);
  });
});

describe.skipIf(!available)("compiling in the background", () => {
  it("runs the compiler at a lower priority", async () => {
    const seen = join(home, "priority");
    const path = script("polite", `${answers}\nsleep 0.1; nice > ${seen}\nexec cc "$@"`);
    const target = create({ OAR_CC: path }).target!;
    await inBackground(target, [addKernel(7)]);
    expect(Number(readFileSync(seen, "utf8"))).toBe(Math.min(getPriority() + 10, 19));
    expect(works(target, 7)).toBe(true);
    expect(target.counters).toMatchObject({ compiled: 1, cached: 1 });
  });

  it("rejects when the target is closed meanwhile, and leaves nothing behind", async () => {
    const target = create().target!;
    const pending = inBackground(target, [addKernel(8)]);
    setImmediate(() => target.close());
    await expect(pending).rejects.toThrow(UnavailableError);
    await expect(inBackground(target, [addKernel(8)])).rejects.toThrow(/closed/);
    expect(() => target.compile([addKernel(8)])).toThrow(/closed/);
    expect(files(".tmp")).toEqual([]);
  });
});

describe.skipIf(!available)("the cache", () => {
  it("serves the next process, and is closed to other users", () => {
    expect(works(create().target!, 3)).toBe(true);
    const again = create().target!;
    expect(works(again, 3)).toBe(true);
    expect(again.counters).toMatchObject({ compiled: 0, cached: 1 });
    expect(statSync(again.cache.directory).mode & 0o777).toBe(0o700);
  });

  it("finds a corrupted or truncated library and compiles anew", () => {
    expect(works(create().target!, 4)).toBe(true);
    for (const damage of [
      (b: Buffer) => b.fill(0x5a, b.length - 900, b.length - 800),
      (b: Buffer) => b.subarray(0, 5000),
    ]) {
      for (const name of files(".so")) {
        const path = join(cache, "native", name);
        const bytes = readFileSync(path);
        // The file may be mapped: it is replaced, not written into.
        rmSync(path);
        writeFileSync(path, damage(bytes));
      }
      const target = create().target!;
      expect(works(target, 4)).toBe(true);
      expect(target.counters.compiled).toBe(1);
    }
  });

  it("ignores a damaged index, and one that names a library without the nest", () => {
    expect(works(create().target!, 5)).toBe(true);
    const indices = files(".nest").map((f) => join(cache, "native", f));
    const contents = indices.map((f) => readFileSync(f, "utf8"));
    expect(new Set(contents).size).toBe(2);
    indices.forEach((f, i) => {
      writeFileSync(f, contents[1 - i]!);
    });
    expect(works(create().target!, 5)).toBe(true);
    for (const f of indices) writeFileSync(f, "../../etc/passwd");
    expect(works(create().target!, 5)).toBe(true);
  });

  it("is a private folder for this process where it cannot be written", () => {
    writeFileSync(cache, "a file where the folder should be");
    const target = create().target!;
    expect(target.cache.persistent).toBe(false);
    expect(statSync(target.cache.directory).mode & 0o777).toBe(0o700);
    expect(works(target, 6)).toBe(true);
    target.close();
    expect(existsSync(target.cache.directory)).toBe(false);
  });

  it("is not written through a link to another folder, and is closed if others could write to it", () => {
    mkdirSync(cache);
    mkdirSync(join(home, "elsewhere"), { recursive: true });
    symlinkSync(join(home, "elsewhere"), join(cache, "native"));
    expect(create().target!.cache.persistent).toBe(false);
    rmSync(join(cache, "native"));
    mkdirSync(join(cache, "native"));
    chmodSync(join(cache, "native"), 0o777);
    expect(statSync(create().target!.cache.directory).mode & 0o777).toBe(0o700);
  });

  it("forgets the libraries that were not used for longest", () => {
    const target = create({}, { cacheBytes: 70_000 }).target!;
    for (let c = 10; c < 20; c++) expect(works(target, c)).toBe(true);
    const bytes = files(".so").reduce((sum, f) => sum + statSync(join(cache, "native", f)).size, 0);
    expect(bytes).toBeLessThanOrEqual(70_000);
    expect(files(".so").length).toBeGreaterThan(0);
    expect(files(".nest").length).toBe(files(".so").length);
    expect(works(target, 10)).toBe(true);
    expect(works(create().target!, 10)).toBe(true);
  });
});

describe.skipIf(!available)("processes", () => {
  it("compile into one cache at once, and exit with sleeping threads and targets open", async () => {
    const root = new URL("../../", import.meta.url).pathname;
    const bundle = join(mkdtempSync(join(root, "node_modules", ".oar-test-")), "child.mjs");
    try {
      buildSync({
        stdin: { contents: childSource, resolveDir: join(root, "src", "device"), loader: "ts" },
        bundle: true,
        platform: "node",
        format: "esm",
        external: ["koffi"],
        outfile: bundle,
      });
      const env = { ...process.env, OAR_CACHE: cache, OAR_THREADS: "2" };
      const runs = Array.from({ length: 3 }, () =>
        import("node:child_process").then((m) => runChild(m.execFile, bundle, env)),
      );
      for (const output of await Promise.all(runs)) expect(output.trim()).toBe("4950 4950");
      expect(files(".tmp")).toEqual([]);
      expect(execFileSync(process.execPath, [bundle], { env, encoding: "utf8", timeout: 20_000 }).trim()).toBe(
        "4950 4950",
      );
    } finally {
      rmSync(join(bundle, ".."), { recursive: true, force: true });
    }
  });
});

function runChild(
  execFile: typeof import("node:child_process").execFile,
  bundle: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [bundle], { env, timeout: 30_000 }, (error, out) =>
      error ? reject(error) : resolve(out),
    );
  });
}

/** Sums 0 … 99 twice: by a call, and by a launch on two threads. */
const childSource = `
import { Builder } from "../kernel/builder.js";
import { binary, constant } from "../kernel/expr.js";
import { Heap } from "./heap.js";
import { createNativeTarget } from "./native-node.js";
const heap = new Heap();
const target = createNativeTarget(heap).target;
const b = new Builder("sum");
const x = b.buffer("x", "i32");
const y = b.buffer("y", "i32");
b.parallel(2, (block) => b.store(y, block, b.reduce("add", "i32", 0, 100, (i) => b.load(x, i))));
const kernel = target.compile(b.finish())[0];
const [at, args, table] = [heap.alloc(1024), heap.alloc(64), heap.alloc(64)];
for (let i = 0; i < 100; i++) heap.views.i32[at / 4 + i] = i;
heap.views.u32.set([at, 0, at + 512, 0], args / 4);
kernel.run(args, 0, 1, 0);
const called = heap.views.i32[at / 4 + 128];
heap.views.i64[table / 8] = BigInt(kernel.fn);
heap.views.u32.set([args, 2, 0], table / 4 + 2);
target.launch(table, 1, 2);
console.log(called, heap.views.i32[at / 4 + 129]);
`;
