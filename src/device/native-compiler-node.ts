// Finds a C compiler, asks it what processor it compiles for, and runs it: source on standard input, a shared library out.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { constants, setPriority } from "node:os";
import { UnavailableError } from "../core/errors.js";

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

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

/** Milliseconds after which a compiler counts as hung. */
const PROBE_LIMIT = 20_000;
const COMPILE_LIMIT = 300_000;

/** The commands to try: `OAR_CC` alone if it is set (it may hold arguments), else the usual names on `PATH`. */
export function compilerCandidates(env: Environment): readonly (readonly string[])[] {
  const wished = env.OAR_CC?.trim();
  return wished ? [wished.split(/\s+/)] : candidates;
}

/** Asks one command for its predefined macros: they tell its version and the processor's features. A string says why it is no use. */
export function probeCompiler(command: readonly string[], env: Environment): Compiler | string {
  const english = { ...env, LC_ALL: "C" };
  let problem = "";
  for (const processor of processors) {
    const flags = [...language, ...processor];
    const [program, ...own] = command as [string, ...string[]];
    const run = spawnSync(program, [...own, ...flags, "-dM", "-E", "-x", "c", "-"], {
      input: "",
      env: english,
      encoding: "utf8",
      timeout: PROBE_LIMIT,
      maxBuffer: 16 << 20,
    });
    if (run.error) return `${command.join(" ")}: ${run.error.message}`;
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
  ...compiler.command.slice(1),
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

function failure(compiler: Compiler, status: string, stderr: string): UnavailableError {
  const command = compiler.command.join(" ");
  return new UnavailableError(`the C compiler ${command} failed (${status}): ${firstLine(stderr)}`, {
    command,
    stderr: stderr.slice(0, 4000),
    hint: "set OAR_CC to a working compiler, or OAR_TARGET=wasm to do without.",
  });
}

/** Compiles a library and waits for it. Throws UnavailableError with the compiler's words. */
export function compileLibrary(compiler: Compiler, source: string, output: string): void {
  const run = spawnSync(compiler.command[0]!, argumentsFor(compiler, output), {
    input: source,
    env: compiler.env,
    encoding: "utf8",
    timeout: COMPILE_LIMIT,
    maxBuffer: 16 << 20,
  });
  // A compiler that dies before it has read its input leaves EPIPE behind; its status tells the story.
  if (run.error && run.status === null) throw failure(compiler, "not run", run.error.message);
  if (run.status !== 0) throw failure(compiler, `status ${run.status ?? run.signal}`, run.stderr);
}

/** Compiles a library at the lowest priority while this process goes on. Rejects with UnavailableError. */
export function compileLibraryInBackground(compiler: Compiler, source: string, output: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(compiler.command[0]!, argumentsFor(compiler, output), {
      stdio: ["pipe", "ignore", "pipe"],
      env: compiler.env,
      timeout: COMPILE_LIMIT,
    });
    lowerPriority(child.pid);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (stderr.length < 100_000) stderr += text;
    });
    child.on("error", (error) => reject(failure(compiler, "not run", error.message)));
    child.on("close", (status, signal) => {
      if (status === 0) resolve();
      else reject(failure(compiler, `status ${status ?? signal}`, stderr));
    });
    // A compiler that dies early closes its end; its status tells the story.
    child.stdin.on("error", () => undefined);
    child.stdin.end(source);
  });
}

/** The compiler's children inherit the priority: it is lowered before they start. Where that is refused, it just runs at ours. */
function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    return;
  }
}
