// The command line: picks the command, reads its switches, writes help. node:util's parseArgs reads them: typed, strict, nothing to install.

import { parseArgs } from "node:util";
import { nearest, OarError } from "../core/errors.js";
import type { Command, Surroundings } from "./command.js";
import { doctor } from "./doctor-node.js";
import { packageVersion } from "./package-node.js";

const commands: readonly Command[] = [doctor];

/** Exit codes: what was asked for works, does not work, cannot be understood. */
const exit = { works: 0, broken: 1, usage: 2 } as const;

/** Runs the process's command line and sets its exit code. */
export function main(): void {
  process.exitCode = runCommandLine(process.argv.slice(2), {
    env: process.env,
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
  });
}

/** Runs a command line; gives the exit code. */
export function runCommandLine(
  args: readonly string[],
  around: Surroundings & { readonly complain: (line: string) => void },
): number {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    around.print(help());
    return name === undefined ? exit.usage : exit.works;
  }
  if (name === "--version" || name === "-v") {
    around.print(packageVersion());
    return exit.works;
  }
  const command = commands.find((c) => c.name === name);
  if (!command) {
    const names = commands.map((c) => c.name);
    const near = nearest(name, names);
    around.complain(
      `there is no command "${name}"${near === undefined ? "" : `: did you mean "${near}"?`}\n\n${help()}`,
    );
    return exit.usage;
  }
  try {
    const given = switches(command, rest);
    if (!given.has("help")) return command.run(given, around);
    around.print(helpOf(command));
    return exit.works;
  } catch (error) {
    if (error instanceof OarError) {
      around.complain(error.message);
      return exit.broken;
    }
    if (!(error instanceof TypeError)) throw error;
    around.complain(`${error.message}\n\n${helpOf(command)}`);
    return exit.usage;
  }
}

/** The switches that are set. Throws TypeError for one that the command does not have. */
function switches(command: Command, args: readonly string[]): ReadonlySet<string> {
  const flag = { type: "boolean" } as const;
  const options = Object.fromEntries(command.options.map((o) => [o.name, flag]));
  const { values } = parseArgs({
    args: [...args],
    options: { ...options, help: { ...flag, short: "h" } },
    strict: true,
    allowPositionals: false,
  });
  return new Set(Object.entries(values).flatMap(([name, value]) => (value === true ? [name] : [])));
}

const rows = (table: readonly (readonly [string, string])[]): string[] => {
  const width = Math.max(...table.map(([left]) => left.length));
  return table.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
};

function help(): string {
  return [
    "Usage: npx oarjs COMMAND [OPTIONS]   (installed, also: oar COMMAND)",
    "",
    "Commands:",
    ...rows(commands.map((c) => [c.name, c.summary])),
    "",
    "`npx oarjs COMMAND --help` tells more; `npx oarjs --version` gives the version.",
  ].join("\n");
}

function helpOf(command: Command): string {
  const options: readonly (readonly [string, string])[] = [
    ...command.options.map((o) => [`--${o.name}`, o.help] as const),
    ["-h, --help", "this text"],
  ];
  return [
    `Usage: npx oarjs ${command.name} [OPTIONS]`,
    "",
    command.summary,
    "",
    ...command.details.flatMap((paragraph) => [paragraph, ""]),
    "Options:",
    ...rows(options),
  ].join("\n");
}
