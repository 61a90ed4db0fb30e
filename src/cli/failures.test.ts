// End to end: whatever is wrong with compiler, koffi or cache, training goes on in WebAssembly with the right losses, and doctor says why.

import { execFile, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createNativeTarget } from "../device/native-node.js";
import { Heap } from "../device/heap.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const probe = createNativeTarget(new Heap(), { threads: 1 });
probe.target?.close();

/** Folders: one where koffi can be found, one where it cannot. */
let inside: string;
let outside: string;
let count = 0;

const bundled: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  external: ["koffi"],
  logLevel: "silent",
};
const alias = { "#platform": join(root, "src/device/platform-node.ts"), oarjs: join(root, "src/index.ts") };
const banner = { js: 'import { createRequire as __cr } from "module"; const require = __cr(import.meta.url);' };

beforeAll(() => {
  inside = mkdtempSync(join(root, "node_modules", ".oar-test-"));
  outside = mkdtempSync(join(tmpdir(), "oar-test-"));
  for (const folder of [inside, outside]) {
    mkdirSync(join(folder, "dist/cli"), { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "version": "0.0.1" }');
    const train = { contents: training, resolveDir: root, loader: "ts" } as const;
    buildSync({ ...bundled, alias, banner, stdin: train, outfile: join(folder, "train.mjs") });
    const cli = join(root, "src/cli/index.ts");
    buildSync({ ...bundled, alias, entryPoints: [cli], outfile: join(folder, "dist/cli/index.mjs") });
  }
});

afterAll(() => {
  for (const folder of [inside, outside]) rmSync(folder, { recursive: true, force: true });
});

/**
 * Trains `y = 2 x` (one weight from 0, mean squared error over x = 1, 2 with rate 0.1) compiled and as a static Program, then prints what became
 * of native code. Losses follow from the formula: the error shrinks by 1 - 2 * 0.1 * mean(x^2) = 0.5 a step, the loss starts at 2^2 * 2.5.
 */
const training = `
import { jit, nn, optimizer, static as st, enableStatic, ParamAttr, toTensor } from "oarjs";
const zero = () => new ParamAttr({ initializer: new nn.initializer.Constant(0) });
const [steps, wait] = [Number(process.env.STEPS ?? 6), process.env.WAIT === "1"];
const losses = [];
{
  const net = new nn.Linear(1, 1, { weightAttr: zero(), biasAttr: false });
  const opt = new optimizer.SGD({ learningRate: 0.1, parameters: net.parameters() });
  const step = jit.compile((x, y) => {
    const loss = nn.functional.mseLoss(net(x), y);
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  const [x, y] = [toTensor([[1], [2]]), toTensor([[2], [4]])];
  for (let i = 0; i < steps; i++) {
    losses.push(await step(x, y).item());
    if (i === 3) console.error("running");
    if (wait && i === 3) await step.ready();
  }
  const reports = wait ? await step.ready() : [];
  console.log(JSON.stringify({ losses, reports }));
}
{
  enableStatic();
  const x = st.data("x", [2, 1]);
  const y = st.data("y", [2, 1]);
  const loss = nn.functional.mseLoss(st.nn.fc(x, 1, { weightAttr: zero(), biasAttr: false }), y);
  new optimizer.SGD({ learningRate: 0.1 }).minimize(loss);
  const exe = new st.Executor();
  await exe.run(st.defaultStartupProgram());
  const out = [];
  for (let i = 0; i < 6; i++)
    out.push((await exe.run(st.defaultMainProgram(), { feed: { x: [[1], [2]], y: [[2], [4]] }, fetchList: [loss] }))[0].data[0]);
  console.log(JSON.stringify({ losses: out, reports: [] }));
}
`;

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Trained {
  readonly losses: readonly number[];
  readonly reports: readonly { readonly target: string; readonly reason?: string }[];
}

function execute(file: string, args: readonly string[], env: Record<string, string>): Promise<Run> {
  return new Promise((resolve) => {
    const full = { ...process.env, OAR_TARGET: "", ...env };
    const child = execFile(process.execPath, [file, ...args], { env: full, timeout: 50_000 }, (_, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

const losses = [10, 2.5, 0.625, 0.15625, 0.0390625, 0.009765625];

/** Trains, checks the losses, and gives what is said of native code. */
async function trains(env: Record<string, string>, folder = inside): Promise<Trained["reports"]> {
  const run = await execute(join(folder, "train.mjs"), [], { WAIT: "1", ...env });
  expect(run.err.replace("running\n", "")).toBe("");
  const [compiled, program] = run.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Trained);
  for (const trained of [compiled, program]) {
    trained?.losses.forEach((loss, i) => {
      expect(Math.abs(loss - losses[i]!)).toBeLessThan(1e-6 + 1e-5 * losses[i]!);
    });
    expect(trained?.losses.length).toBe(6);
  }
  return compiled!.reports;
}

const doctor = (env: Record<string, string>, args: readonly string[] = [], folder = inside): Promise<Run> =>
  execute(join(folder, "dist/cli/index.mjs"), ["doctor", ...args], env);

/** A fresh cache folder's name. */
const freshCache = (): string => join(outside, `cache${count++}`);

/** A shell script in place of a compiler. */
function compiler(lines: string): string {
  const path = join(outside, `cc${count++}`);
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Passes the question for macros on to the real compiler. */
const answers = 'for a; do [ "$a" = -E ] && exec cc "$@"; done';

/** What is wrong, and the words by which training's report and doctor tell of it. */
const broken: readonly { name: string; env: () => Record<string, string>; reason: RegExp; real?: boolean }[] = [
  { name: "no compiler", env: () => ({ OAR_CC: join(outside, "absent") }), reason: /no C compiler was found/ },
  { name: "no programs at all", env: () => ({ PATH: outside, OAR_CC: "" }), reason: /no C compiler was found/ },
  {
    name: "a compiler that fails",
    env: () => ({ OAR_CC: compiler("cat > /dev/null; echo 'fatal error: licence expired' >&2; exit 1") }),
    reason: /no C compiler was found/,
  },
  {
    name: "a compiler that prints garbage",
    env: () => ({ OAR_CC: compiler("head -c 100000 /dev/urandom; head -c 100000 /dev/urandom >&2") }),
    reason: /no C compiler was found/,
  },
  {
    name: "a compiler that cannot link",
    env: () => ({ OAR_CC: compiler(`${answers}\necho 'error: cannot find -lm' >&2; exit 1`) }),
    reason: /C compiler.* can(?:not)? make a shared library/,
    real: true,
  },
  {
    name: "a compiler that makes no library",
    env: () => ({
      OAR_CC: compiler(`${answers}\ncat > /dev/null\nwhile [ "$1" != -o ]; do shift; done; echo junk > "$2"`),
    }),
    reason: /what the C compiler made cannot be loaded/,
    real: true,
  },
  {
    name: "a compiler that hangs",
    env: () => ({ OAR_CC: compiler("sleep 300"), OAR_CC_TIMEOUT: "1" }),
    reason: /no C compiler was found/,
  },
  {
    name: "a compiler that hangs later, with children",
    env: () => ({ OAR_CC: compiler(`${answers}\nsleep 300 & wait`), OAR_CC_TIMEOUT: "2" }),
    reason: /C compiler.* can(?:not)? make a shared library/,
    real: true,
  },
];

describe.each(broken.filter((b) => !b.real || probe.target))("with $name", ({ env, reason }) => {
  it("training goes on in WebAssembly, and doctor says why", async () => {
    const around = { ...env(), OAR_CACHE: freshCache() };
    const [report] = await trains(around);
    expect(report?.target).toBe("wasm");
    expect(report?.reason).toMatch(reason);
    const said = await doctor(around);
    expect(said).toMatchObject({ code: 0, err: "" });
    expect(said.out).toMatch(reason);
    expect(said.out).toMatch(/Training runs as WebAssembly .*\nTo change that, /);
    expect((await doctor({ ...around, OAR_TARGET: "native" })).code).toBe(1);
    const left = existsSync(around.OAR_CACHE) ? readdirSync(around.OAR_CACHE, { recursive: true }) : [];
    expect(left.filter((name) => name !== "native")).toEqual([]);
  });
});

describe("without koffi", () => {
  it("training goes on in WebAssembly, and doctor says why", async () => {
    const around = { OAR_CACHE: freshCache() };
    expect((await trains(around, outside))[0]).toMatchObject({
      target: "wasm",
      reason: expect.stringMatching(/koffi/),
    });
    const said = await doctor(around, ["--json"], outside);
    expect(said.code).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({
      native: { unavailable: { kind: "no-koffi" } },
      verdict: { works: true, target: "wasm", cure: expect.stringMatching(/npm install koffi/) },
    });
  });
});

describe("the training program", () => {
  it("does not wait for a compiler that hangs when it ends", async () => {
    const began = performance.now();
    await trains({ OAR_CC: compiler("sleep 300"), OAR_CACHE: freshCache(), WAIT: "0" });
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe.skipIf(!probe.target)("with a real compiler", () => {
  it("training goes over to native code, also where the cache cannot be used", async () => {
    const read = join(outside, "file");
    writeFileSync(read, "a file where the folder should be");
    for (const folder of [freshCache(), read]) {
      expect((await trains({ OAR_CACHE: folder }))[0]).toMatchObject({ target: "native" });
    }
    const said = await doctor({ OAR_CACHE: read }, ["--json"]);
    expect(JSON.parse(said.out)).toMatchObject({
      cache: { usable: false },
      verdict: { works: true, target: "native" },
    });
  });

  it("a corrupted cache is compiled anew, and cleared by doctor", async () => {
    const around = { OAR_CACHE: freshCache() };
    const folder = join(around.OAR_CACHE, "native");
    expect((await trains(around))[0]?.target).toBe("native");
    const names = readdirSync(folder);
    for (const name of names) {
      // The file may be mapped: it is replaced, not written into.
      rmSync(join(folder, name));
      writeFileSync(join(folder, name), "corrupted");
    }
    expect((await trains(around))[0]?.target).toBe("native");
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect((await doctor(around, ["--clear-cache"])).code).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("two processes that compile at once both get native code", async () => {
    const around = { OAR_CACHE: freshCache() };
    const reports = await Promise.all([trains(around), trains(around)]);
    expect(reports.map(([r]) => r?.target)).toEqual(["native", "native"]);
    expect(readdirSync(join(around.OAR_CACHE, "native")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("a process killed while it compiles leaves nothing that disturbs the next", async () => {
    const slow = compiler(`${answers}\nsleep 1; exec cc "$@"`);
    const around = { OAR_CACHE: freshCache(), OAR_CC: slow };
    const env = { ...process.env, OAR_TARGET: "", ...around, STEPS: "1000000" };
    const child = spawn(process.execPath, [join(inside, "train.mjs")], { env, stdio: ["ignore", "ignore", "pipe"] });
    await new Promise((resolve) => child.stderr.once("data", resolve));
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect((await trains(around))[0]?.target).toBe("native");
    expect((await doctor(around)).code).toBe(0);
  });
});
