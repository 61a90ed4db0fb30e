// uniqueName: counting, prefixes, guards by callback and by `using`, switch.

import { expect, test } from "vitest";
import { Linear } from "../nn/layers/linear.js";
import { uniqueName } from "./unique-name.js";

test("one counter for each key, fresh in a guard and back afterwards", () => {
  uniqueName.guard(() => {
    expect(["fc", "fc", "conv"].map(uniqueName.generate)).toEqual(["fc_0", "fc_1", "conv_0"]);
    expect(uniqueName.guard(() => uniqueName.generate("fc"))).toBe("fc_0");
    expect(uniqueName.generate("fc")).toBe("fc_2");
  });
});

test("a prefix stands before every name and is no part of the key; layers' parameters get it twice", () => {
  uniqueName.guard("A_", () => {
    expect(uniqueName.generate("fc")).toBe("A_fc_0");
    expect(new Linear(1, 1).weight.name).toBe("A_A_linear_0.w_0");
  });
});

test("using: the scope ends with the block, in reverse order", () => {
  const outer = uniqueName.guard("o");
  const inner = uniqueName.guard("i");
  expect(uniqueName.generate("x")).toBe("ix_0");
  expect(() => outer[Symbol.dispose]()).toThrow("must be closed before");
  inner[Symbol.dispose]();
  expect(uniqueName.generate("x")).toBe("ox_0");
  outer[Symbol.dispose]();
});

test("a guard left open throws when the microtask ends, naming its call site", async () => {
  const caught = new Promise<unknown>((resolve) => {
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.once("uncaughtException", (error) => {
      for (const l of listeners) process.on("uncaughtException", l);
      resolve(error);
    });
  });
  uniqueName.guard("left");
  await expect(caught).resolves.toMatchObject({ name: "PreconditionNotMetError" });
  expect(String(await caught)).toContain("unique-name.test.ts");
  expect(uniqueName.generate("after")).not.toContain("left");
});

test("a callback must not be asynchronous", () => {
  // @ts-expect-error: the type refuses it already
  expect(() => uniqueName.guard(async () => 1)).toThrow("promise");
});

test("switch gives what was in force, to switch back to", () => {
  const before = uniqueName.switch();
  expect(uniqueName.generate("s")).toBe("s_0");
  uniqueName.switch(...before);
});
