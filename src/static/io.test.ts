// Saving and loading variables of Programs: round trips, files of Paddle, errors.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Adam } from "../optimizer/adam.js";
import { uniqueName } from "../param/unique-name.js";
import { mean } from "../tensor/index.js";
import * as static_ from "./index.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "oar-static-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(static_.enableStatic);
afterEach(static_.disableStatic);

const batch = { feed: { x: [[1, 2, 3]] } };

/** A net that has made a step, in a scope of its own. */
async function trained(steps = 1) {
  const [main, startup] = [new static_.Program(), new static_.Program()];
  uniqueName.guard(() =>
    static_.programGuard(main, startup, () => {
      const y = static_.nn.fc(static_.data("x", [-1, 3]), 2, { name: "out", activation: "tanh" });
      new Adam({ learningRate: 0.1 }).minimize(mean(y));
    }),
  );
  const scope = new static_.Scope();
  const exe = new static_.Executor();
  await exe.run(startup, { scope });
  for (let i = 0; i < steps; i++) await exe.run(main, { ...batch, scope });
  const all = () =>
    Object.fromEntries(
      Object.entries(main.stateDict("all", scope)).map(([k, t]) => [k, [...(t.dataSync() as Float32Array)]]),
    );
  return { main, scope, exe, all };
}

test("one file each, one for all, bytes", async () => {
  const a = await trained(2);
  const where = { mainProgram: a.main, scope: a.scope };
  await static_.saveVars(a.exe, join(folder, "vars"), where);
  expect(readdirSync(join(folder, "vars")).sort()).toEqual(Object.keys(a.all()).sort());
  await static_.savePersistables(a.exe, folder, { ...where, filename: "combined" });
  const bytes = await static_.saveParams(a.exe, null, where);
  for (const load of [
    (b: typeof a) => static_.loadVars(b.exe, join(folder, "vars"), { mainProgram: b.main, scope: b.scope }),
    (b: typeof a) =>
      static_.loadPersistables(b.exe, folder, { mainProgram: b.main, scope: b.scope, filename: "combined" }),
  ]) {
    const b = await trained();
    await load(b);
    expect(b.all()).toEqual(a.all());
  }
  const c = await trained();
  await static_.loadParams(c.exe, bytes!, { mainProgram: c.main, scope: c.scope });
  expect(c.all()["out.w_0"]).toEqual(a.all()["out.w_0"]);
  expect(c.all()["out.w_0_moment1_0"]).not.toEqual(a.all()["out.w_0_moment1_0"]);
});

test("static.save and static.load", async () => {
  const a = await trained(3);
  await static_.save(a.main, join(folder, "model"), { scope: a.scope });
  const b = await trained();
  await static_.load(b.main, join(folder, "model"), { scope: b.scope });
  expect(b.all()).toEqual(a.all());
  // With an executor, as Paddle has it, into the scope in force when it is called.
  const c = await trained();
  let loaded: Promise<void> | undefined;
  static_.scopeGuard(c.scope, () => {
    loaded = static_.load(c.main, join(folder, "model"), c.exe);
  });
  await loaded;
  expect(c.all()).toEqual(a.all());
  const state = await static_.loadProgramState(join(folder, "model"));
  expect(Object.keys(state).sort()).toEqual(Object.keys(a.all()).sort());
});

test("what Paddle exported of the last layer", async () => {
  const fixtures = fileURLToPath(new URL("../../test/fixtures/faq/q4/", import.meta.url));
  const [main, startup] = [new static_.Program(), new static_.Program()];
  static_.programGuard(main, startup, () =>
    static_.nn.fc(static_.data("x", [-1, 5]), 3, { weightAttr: "f2_w", biasAttr: "f2_b" }),
  );
  const exe = new static_.Executor();
  const values = async (load: (scope: static_.Scope) => Promise<void>) => {
    const scope = new static_.Scope();
    await load(scope);
    return ["f2_b", "f2_w"].map((n) => [...(scope.findVar(n)!.getTensor().numpy().data as Float32Array)]);
  };
  const each = await values((scope) =>
    static_.loadVars(exe, join(fixtures, "last_static_2.6.2_vars"), { mainProgram: main, scope }),
  );
  const combined = await values((scope) =>
    static_.loadVars(exe, fixtures, { mainProgram: main, scope, filename: "last_static_2.6.2_combined" }),
  );
  expect(each).toEqual(combined);
  expect(each.map((v) => v.length)).toEqual([3, 15]);
});

test("errors: another shape, another number, an unknown name, before startup", async () => {
  const a = await trained();
  const where = { mainProgram: a.main, scope: a.scope };
  const bytes = (await static_.saveVars(a.exe, null, { ...where, vars: ["out.w_0"] }))!;
  await expect(static_.loadVars(a.exe, bytes, { ...where, vars: ["out.b_0"] })).rejects.toThrow(
    /"out.b_0" is float32\[2\], the file has float32\[3, 2\]/,
  );
  await expect(static_.loadVars(a.exe, bytes, where)).rejects.toThrow(/holds no names/);
  await expect(static_.saveVars(a.exe, null, { ...where, vars: ["nope"] })).rejects.toThrow(/no persistable/);
  await expect(static_.saveVars(a.exe, null, { mainProgram: a.main, scope: new static_.Scope() })).rejects.toThrow(
    /run the startup program first/,
  );
});
