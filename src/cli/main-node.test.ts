// The command line: help, versions, what it does not understand, and doctor's exit codes.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runCommandLine } from "./main-node.js";

const manifest: { version: string } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

function run(args: readonly string[], env: Record<string, string> = {}): { code: number; out: string; err: string } {
  const [out, err]: [string[], string[]] = [[], []];
  const around = { env, print: (line: string) => out.push(line), complain: (line: string) => err.push(line) };
  const code = runCommandLine(args, around);
  return { code, out: out.join("\n"), err: err.join("\n") };
}

describe("the command line", () => {
  it("helps, on the whole and with each command", () => {
    expect(run(["--help"])).toMatchObject({ code: 0, err: "" });
    expect(run(["help"]).out).toMatch(/^Usage: npx oarjs COMMAND.*doctor {2}says/s);
    expect(run(["doctor", "--help"])).toMatchObject({ code: 0, out: expect.stringMatching(/--json .*--clear-cache/s) });
    expect(run(["doctor", "-h"]).out).toBe(run(["doctor", "--help"]).out);
  });

  it("gives the version", () => {
    expect(run(["--version"])).toEqual({ code: 0, out: manifest.version, err: "" });
  });

  it("ends with 2 where it does not understand, and says what is near", () => {
    expect(run([]).code).toBe(2);
    expect(run(["docter"])).toMatchObject({ code: 2, out: "", err: expect.stringMatching(/did you mean "doctor"/) });
    expect(run(["doctor", "--jsno"])).toMatchObject({ code: 2, err: expect.stringMatching(/'--jsno'.*Usage:/s) });
    expect(run(["doctor", "extra"]).code).toBe(2);
  });
});

describe("doctor", () => {
  const env = { PATH: process.env["PATH"] ?? "", OAR_CACHE: "/proc/oar-cannot-be-written" };

  it("says which target a setting gives, and ends with 1 where that cannot work", () => {
    const verdict = (target: string): unknown => {
      const { code, out } = run(["doctor", "--json"], { ...env, OAR_TARGET: target, OAR_CC: "no-such-compiler" });
      const { verdict: said } = JSON.parse(out) as { verdict: { target: string } };
      return [code, said.target];
    };
    expect(verdict("")).toEqual([0, "wasm"]);
    expect(verdict("wasm")).toEqual([0, "wasm"]);
    expect(verdict("interp")).toEqual([0, "interp"]);
    expect(verdict("native")).toEqual([1, "none"]);
    expect(verdict("cuda")).toEqual([1, "none"]);
  });

  it("tells threads and their reasons", () => {
    const { out } = run(["doctor"], { ...env, OAR_TARGET: "wasm", OAR_THREADS: "3" });
    expect(out).toMatch(/threads +3 \(\d+ processors by affinity.*OAR_THREADS=3\)/);
    expect(out).toMatch(/OAR_TARGET=wasm: training runs as WebAssembly on 3 threads\./);
    expect(out).toMatch(/cannot be used/);
  });

  it("clears no cache that is not its own", () => {
    expect(run(["doctor", "--clear-cache"], env)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/nothing was removed/),
    });
  });
});
