// The MNIST example as users start it, for one epoch: it learns, its last line has the agreed form, and its picture is a PNG.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { root } from "./packed.js";

it("npm run mnist learns digits and draws those it misreads", () => {
  const run = [join("tools", "run-example.mjs"), "mnist", "1"];
  const lines = execFileSync(process.execPath, run, { cwd: root, encoding: "utf8" }).trimEnd().split("\n");
  const [, misread, path] = /^(\d+) of 10000 digits misread: (.*)$/m.exec(lines.join("\n")) ?? [];
  const [, accuracy] = /^accuracy (0\.\d{4}) images\/s \d+ seconds [\d.]+$/.exec(lines.at(-1)!) ?? [];
  expect(Number(accuracy)).toBeCloseTo(1 - Number(misread) / 10_000, 6);
  expect(Number(accuracy)).toBeGreaterThan(0.975);

  const png = readFileSync(path!);
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  // The header is the first chunk: width and height; the second holds the rows, each with a filter byte before its pixels.
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const rows = inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)));
  expect([width, rows.length]).toEqual([768, height * (3 * width + 1)]);
  expect(height).toBe(76 * Math.ceil(Number(misread) / 12));
}, 180_000);
