// Runs a program of the documentation: TypeScript text that imports "oarjs", with what it prints.

import { inspect } from "node:util";
import { transform } from "esbuild";
import * as oar from "oarjs";

type Running = (...values: unknown[]) => Promise<void>;
const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (...args: string[]) => Running;

/** An import of the package as a declaration: `{ a as b }`, or `* as b`, from "oarjs" or one of its subpaths. */
function declared(names: string, subpath: string): string {
  const from = ["oar", ...subpath.split("/").filter(Boolean)].join(".");
  const whole = /^\*\s*as\s+(\w+)$/.exec(names.trim());
  return whole ? `const ${whole[1]} = ${from};` : `const ${names.replace(/ as /g, ": ")} = ${from};`;
}

/**
 * The program as a function that runs it, with fresh names, and gives the lines it prints.
 *
 * @param scope what the program may use without importing it
 */
export async function compiled(
  code: string,
  scope: Readonly<Record<string, unknown>> = {},
): Promise<() => Promise<string[]>> {
  const { code: js } = await transform(code, { loader: "ts", target: "es2022", format: "esm" });
  const body = js.replace(
    /import (\{[^}]*\}|\* as \w+) from "oarjs((?:\/[\w/]+)?)";/g,
    (_, names: string, subpath: string) => declared(names, subpath),
  );
  const program = new AsyncFunction("oar", "console", ...Object.keys(scope), `{ ${body} }`);
  return async () => {
    const lines: string[] = [];
    const log = (...words: unknown[]) => lines.push(words.map(shown).join(" "));
    const guard = oar.utils.uniqueName.guard();
    const running = program(oar, { log, table: log }, ...Object.values(scope));
    guard[Symbol.dispose]();
    await running;
    return lines;
  };
}

const shown = (x: unknown): string =>
  typeof x === "string" ? x : inspect(x, { breakLength: Infinity, compact: 9, depth: 9, maxArrayLength: 1000 });

/** What the comments behind `console.log(…)` say, in order. */
export const said = (code: string): string[] =>
  Array.from(code.matchAll(/console\.log\(.*\);? +\/\/ (.*)$/gm), ([, text]) => text!.trim());
