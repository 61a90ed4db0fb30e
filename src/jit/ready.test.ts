// jit.ready and the flag "deterministic": the target changes only where the program says so.

import { afterEach, expect, it } from "vitest";
import { setFlags } from "../core/flags.js";
import { engine } from "../device/engine.js";
import { matmul, ones, type Tensor } from "../index.js";
import { compile } from "./compile.js";
import { ready } from "./ready.js";

afterEach(() => setFlags({ deterministic: false }));

it("asks for native code when told to, and only then where results must not change", async () => {
  setFlags({ deterministic: true });
  const square = compile((x: Tensor) => matmul(x, x));
  const x = ones([8, 8]);
  for (let i = 0; i < 5; i++) square(x);
  expect(await square.ready()).toEqual([]);
  const reports = await ready();
  expect(reports).toHaveLength(1);
  expect(await square.ready()).toEqual(reports);
  const [report] = reports;
  if (report?.target === "native") expect(report).toMatchObject({ kernels: expect.any(Number) });
  else expect(report?.target).toBe(engine().target.name);
  expect(report?.seconds).toBeGreaterThanOrEqual(0);
  // Each element of the product is a sum of eight ones.
  expect(new Set(await square(x).data("float32"))).toEqual(new Set([8]));
});
