// The package in Chromium: trains to Node's losses, on one thread and, cross-origin isolated, on several.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundlePage, executable, open, serve, startChromium } from "./chromium.js";
import { trainMlp } from "./mlp.js";
import type { PageResult } from "./page.js";

// CI installs Chromium; a machine without one skips these tests.
describe.skipIf(executable === undefined && process.env["CI"] === undefined)("in Chromium", () => {
  let browser: Browser;
  let program: string;
  let expected: readonly number[];

  beforeAll(async () => {
    [browser, program, expected] = await Promise.all([startChromium(), bundlePage(), trainMlp(12)]);
  });
  afterAll(() => browser?.close());

  it.each([
    ["on one thread", false],
    ["cross-origin isolated, on several threads", true],
  ])("trains %s", async (_, isolated) => {
    const { url, server } = await serve(program, isolated);
    try {
      const { page, errors } = await open(browser, url);
      await page.waitForFunction(() => "result" in globalThis);
      const result: PageResult = await page.evaluate(() => Reflect.get(globalThis, "result"));
      expect(errors).toEqual([]);
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
      const processors = await page.evaluate(() => navigator.hardwareConcurrency);
      expect(page.workers()).toHaveLength(isolated ? processors - 1 : 0);

      expect(result.losses).toHaveLength(48);
      expect(result.losses.at(-1)).toBeLessThan(0.5 * result.losses[0]!);
      // Engines may fuse a multiplication and an addition or not, so the last bits differ and grow over the steps.
      result.losses.forEach((loss, i) =>
        expect(Math.abs(loss - expected[i]!)).toBeLessThan(1e-6 + 1e-4 * expected[i]!),
      );

      expect(result.loaded).toEqual([1, 2, 3]);
      expect(result.batches).toEqual([[1, 2], [3]]);
      expect(result.missing).toBe("NotFoundError");
    } finally {
      server.close();
    }
  });
});
