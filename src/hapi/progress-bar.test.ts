// Tests of the progress bar against lines that Paddle 3.3.1 printed, on a terminal and piped.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ProgressBar, type ProgressField, type ProgressOutput } from "./progress-bar.js";

interface Recorded {
  readonly num: number | null;
  readonly verbose: number;
  readonly width?: number;
  readonly name?: string;
  readonly updates: readonly (readonly [number, number, readonly [string, number | string | (number | string)[]][]])[];
  readonly printed: readonly string[];
}
const path = fileURLToPath(new URL("../../test/fixtures/progress/expected.json", import.meta.url));
const cases = JSON.parse(readFileSync(path, "utf8")) as Recorded[];

class Output implements ProgressOutput {
  text = "";
  constructor(
    readonly isTTY: boolean,
    readonly columns = 80,
  ) {}
  write(text: string): void {
    this.text += text;
  }
  take(): string {
    const { text } = this;
    this.text = "";
    return text;
  }
}

/** JSON has no nan and inf; the recorder wrote their names. */
const special: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Number.POSITIVE_INFINITY };
const field = ([name, value]: readonly [string, number | string | (number | string)[]]): ProgressField => [
  name,
  Array.isArray(value) ? value.map((v) => (typeof v === "string" ? special[v]! : v)) : value,
];

describe("on a terminal", () => {
  cases.forEach(({ num, verbose, width, name, updates, printed }, i) => {
    it(`prints what Paddle prints, case ${i}`, () => {
      const output = new Output(true, 200);
      let time = 0;
      const bar = new ProgressBar(num, { width, verbose, name, output, now: () => time * 1000 });
      updates.forEach(([step, at, fields], k) => {
        time = at;
        bar.update(step, fields.map(field));
        // Paddle goes on padding after a final line; here the next line starts anew.
        const trimmed = (text: string) => (num === null ? text.replace(/ +\n/, "\n") : text);
        expect(output.take().replace(/^\r/, "")).toBe(trimmed(printed[k]!));
      });
    });
  });

  it("cuts a line that would wrap, until it is final", () => {
    const output = new Output(true, 60);
    const bar = new ProgressBar(10, { output, now: () => 0 });
    expect(bar.width).toBe(10);
    bar.update(5, [
      ["a_long_name", 1.25],
      ["another_long_name", 2.5],
    ]);
    expect(output.take()).toBe("\rstep  5/10 [====>.....] - a_long_name: 1.2500 - another_lon");
    bar.update(10, [["a", 1]]);
    expect(output.take()).toBe(`\r${"step 10/10 [==========] - a: 1.0000 - 0s/step".padEnd(59)}\n`);
  });

  it("has no bar where there is no room", () => {
    expect(new ProgressBar(10, { output: new Output(true, 40) }).width).toBe(0);
  });
});

describe("piped", () => {
  it("prints one line per epoch", () => {
    const output = new Output(false);
    const bar = new ProgressBar(3, { output, now: () => 0 });
    for (let step = 1; step <= 3; step++) bar.update(step, [["loss", 0.5]]);
    expect(output.take()).toBe("step 3/3 [==============================] - loss: 0.5000 - 0s/step\n");
  });

  it("prints one line per update with verbose 2, and when the total is unknown", () => {
    const output = new Output(false);
    const bar = new ProgressBar(3, { output, verbose: 2, now: () => 0 });
    for (let step = 1; step <= 2; step++) bar.update(step, [["loss", 0.5]]);
    expect(output.take()).toBe("step 1/3 - loss: 0.5000 - 0s/step\nstep 2/3 - loss: 0.5000 - 0s/step\n");
    new ProgressBar(null, { output, now: () => 0 }).update(7);
    expect(output.take()).toBe("step   7 - 0s/step\n");
  });
});

describe("numbers", () => {
  it("are rounded as Python rounds them", () => {
    const output = new Output(false);
    const bar = new ProgressBar(null, { output, now: () => 0 });
    // '%.4f' % v in Python
    bar.update(1, [["v", Float64Array.of(0.03125, 0.09375, -0.03125, -0.09375, 1.00005, 123456.78125, 3e9 + 1 / 32)]]);
    expect(output.take()).toBe(
      "step   1 - v: 0.0312 0.0938 -0.0312 -0.0938 1.0001 123456.7812 3000000000.0312 - 0s/step\n",
    );
  });

  it("refuses a total that counts nothing", () => {
    for (const num of [0, -1, 2.5]) expect(() => new ProgressBar(num)).toThrow(/positive integer/);
  });
});
