// Finds a C compiler, asks it what processor it compiles for, and runs it: source on standard input, a shared library out.

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { UnavailableError } from "../core/errors.js";
import type { Command, Environment, Outcome, Task } from "./native-commands-node.js";

/** A compiler that answered. */
export interface Compiler {
  /** The command and its own arguments, as `["zig", "cc"]`. */
  readonly command: readonly string[];
  readonly flags: readonly string[];
  /** The environment it runs in: `PATH` and the like are the caller's, messages are English. */
  readonly env: Environment;
  /** SHA-256 of everything that decides what machine code comes out, besides the source. */
  readonly identity: string;
  /** What the compiler calls itself. */
  readonly version: string;
  /** Bytes of the widest vector registers it compiles for. */
  readonly vectorBytes: number;
}

/** What rounding and memory mean in the kernel language; never `-ffast-math`. Errno and traps are not observable in kernels. */
const language = [
  "-std=c11",
  "-O3",
  "-ffp-contract=off",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-fwrapv",
  "-fno-strict-aliasing",
  "-fPIC",
  "-w",
];

/** For exactly this processor, in the spellings compilers know; the last is for those that know none. */
const processors: readonly (readonly string[])[] = [["-march=native"], ["-mcpu=native"], []];

const candidates: readonly (readonly string[])[] = [["cc"], ["gcc"], ["clang"], ["zig", "cc"]];

/** Seconds after which a compiler counts as hung: generous for a busy machine, since libraries are compiled in small parts. */
const TIME_LIMIT = 60;

/** Milliseconds that a run of the compiler may take: `OAR_CC_TIMEOUT` in seconds, by default a minute. */
function timeLimit(env: Environment): number {
  const wished = Number(env.OAR_CC_TIMEOUT);
  return 1000 * (wished > 0 ? wished : TIME_LIMIT);
}

/** The commands to try: `OAR_CC` alone if it is set (it may hold arguments), else the usual names on `PATH`. */
export function compilerCandidates(env: Environment): readonly (readonly string[])[] {
  const wished = env.OAR_CC?.trim();
  return wished ? [wished.split(/\s+/)] : candidates;
}

const notRun: Outcome = { status: undefined, stdout: "", stderr: "", seconds: 0, problem: "it was not run" };

/** Asks one command for its predefined macros: they tell its version and the processor's features. A string says why it is no use. */
export function* probeCompiler(command: readonly string[], env: Environment): Task<Compiler | string> {
  const english = { ...env, LC_ALL: "C" };
  let problem = "";
  for (const processor of processors) {
    const flags = [...language, ...processor];
    let run = notRun;
    const ended = (outcome: Outcome): void => {
      run = outcome;
    };
    const question = [...command, ...flags, "-dM", "-E", "-x", "c", "-"];
    yield [{ command: question, env: english, input: "", limit: timeLimit(env), ended }];
    if (run.problem !== undefined) return `${command.join(" ")}: ${run.problem}`;
    const macros = run.stdout;
    if (run.status === 0 && /__SIZEOF_POINTER__ 8\b/.test(macros) && macros.includes("__GNUC__")) {
      const version = /__VERSION__ "(.*)"/.exec(macros)?.[1] ?? "unknown";
      const parts = [command.join(" "), flags.join(" "), macros].join("\0");
      return { command, flags, env: english, version, vectorBytes: vectorBytesOf(macros), identity: sha256(parts) };
    }
    problem = `${command.join(" ")}: ${firstLine(run.stderr) || `is no 64-bit GNU C compiler (status ${run.status})`}`;
  }
  return problem;
}

function vectorBytesOf(macros: string): number {
  if (/__AVX512F__ /.test(macros)) return 64;
  return /__AVX__ /.test(macros) ? 32 : 16;
}

/** Lower-case hexadecimal SHA-256. */
export const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

const firstLine = (text: string): string =>
  text
    .split("\n")
    .find((line) => /error/i.test(line))
    ?.trim() ??
  text.trim().split("\n")[0] ??
  "";

const argumentsFor = (compiler: Compiler, output: string): string[] => [
  ...compiler.command,
  ...compiler.flags,
  "-shared",
  "-pthread",
  "-x",
  "c",
  "-",
  "-o",
  output,
  "-lm",
];

function failure(compiler: Compiler, run: Outcome): UnavailableError {
  const command = compiler.command.join(" ");
  const why = run.problem ?? `status ${run.status}`;
  const words = firstLine(run.stderr);
  return new UnavailableError(`the C compiler ${command} failed (${why})${words && `: ${words}`}`, {
    command,
    stderr: run.stderr.slice(0, 4000),
    hint: "set OAR_CC to a working compiler, or OAR_TARGET=wasm to do without.",
  });
}

/**
 * The command that compiles a library; the compiler's own files go beside it. When it has succeeded, `made` is told the seconds it took.
 * Fails with UnavailableError and the compiler's words.
 */
export function libraryCommand(
  compiler: Compiler,
  source: string,
  output: string,
  made: (seconds: number) => void,
): Command {
  return {
    command: argumentsFor(compiler, output),
    input: source,
    env: { ...compiler.env, TMPDIR: dirname(output) },
    limit: timeLimit(compiler.env),
    ended(outcome) {
      if (outcome.status !== 0) throw failure(compiler, outcome);
      made(outcome.seconds);
    },
  };
}
