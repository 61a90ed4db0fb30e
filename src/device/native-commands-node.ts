// Runs commands with a time limit, while the caller waits or beside it; the work around them is written once, as generators, for both.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants, getPriority, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import type { BackgroundWork, Settled } from "./backend.js";

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A command to run. */
export interface Command {
  readonly command: readonly string[];
  /** What it reads from standard input. */
  readonly input: string;
  readonly env: Environment;
  /** Milliseconds after which it is ended, with all processes it has started. */
  readonly limit: number;
  /** Is told at once what came of it. What it throws ends the task. */
  readonly ended: (outcome: Outcome) => void;
}

/** What came of a command. */
export interface Outcome {
  /** Undefined where it did not end by itself. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Seconds it took. */
  readonly seconds: number;
  /** Why it has no status: it could not be started, ran too long, or was ended by a signal. */
  readonly problem?: string | undefined;
}

/** Work with commands in between: it yields lists of them, each list of one environment, and goes on when all have ended. */
export type Task<R> = Generator<readonly Command[], R, void>;

/** Runs a task to its end while the caller waits. */
export function runNow<R>(task: Task<R>): R {
  let step = task.next();
  while (!step.done) {
    try {
      for (const command of step.value) command.ended(waitFor(command));
      step = task.next();
    } catch (error) {
      step = task.throw(error);
    }
  }
  return step.value;
}

const late = (limit: number): string => `it did not end within ${limit / 1000} s`;
const absent = "there is no such command";

function waitFor({ command, env, input, limit }: Command): Outcome {
  const [program, ...args] = command as [string, ...string[]];
  const begun = performance.now();
  const run = spawnSync(program, args, {
    ...{ input, env, encoding: "utf8", timeout: limit, killSignal: "SIGKILL", maxBuffer: 16 << 20 },
  });
  const code = run.error && "code" in run.error ? run.error.code : undefined;
  // A compiler that dies before it has read its input leaves EPIPE behind; its status tells the story.
  const other = run.status === null ? (run.error?.message ?? `it was ended by ${run.signal}`) : undefined;
  const problem = code === "ETIMEDOUT" ? late(limit) : code === "ENOENT" ? absent : other;
  const seconds = (performance.now() - begun) / 1000;
  return { status: run.status ?? undefined, stdout: run.stdout ?? "", stderr: run.stderr ?? "", seconds, problem };
}

/** Milliseconds between two looks at files. */
const LOOK = 2;

/**
 * Runs tasks one after another beside this process. Their commands are run by a shell that writes down what came of each, so that a loop
 * that never returns to the event loop can see it too, by `poll`. Commands have a low priority, do not keep the process alive, and end with it.
 */
export class Background implements BackgroundWork {
  private readonly waiting: (() => void)[] = [];
  private batch: Batch | undefined;
  private lastLook = 0;
  private resume: (() => void) | undefined;

  get running(): boolean {
    return this.resume !== undefined;
  }

  /** Runs a task after those before it. `done` is called from `poll` or from the event loop. */
  add<R>(task: Task<R>, done: (settled: Settled<R>) => void): void {
    const finish = (settled: Settled<R>): void => {
      this.resume = undefined;
      done(settled);
      if (!this.resume) this.waiting.shift()?.();
    };
    const advance = (failure?: { readonly error: unknown }): void => {
      try {
        const step = failure ? task.throw(failure.error) : task.next();
        if (step.done) finish({ value: step.value });
        else if (step.value.length === 0) advance();
        else this.batch = new Batch(step.value, () => this.poll(true));
      } catch (error) {
        finish({ error });
      }
    };
    const start = (): void => {
      this.resume = () => this.follow(advance);
      advance();
    };
    if (this.resume || this.waiting.length > 0) this.waiting.push(start);
    else start();
  }

  poll(now = false): void {
    if (!this.resume) return;
    const time = performance.now();
    if (!now && time - this.lastLook < LOOK) return;
    this.lastLook = time;
    this.resume();
  }

  private follow(advance: (failure?: { readonly error: unknown }) => void): void {
    const { batch } = this;
    if (!batch) return;
    try {
      if (!batch.look()) return;
    } catch (error) {
      batch.close();
      this.batch = undefined;
      return advance({ error });
    }
    batch.close();
    this.batch = undefined;
    advance();
  }
}

/** Commands that one shell runs in order, in a folder of files. */
class Batch {
  private readonly folder = mkdtempSync(join(tmpdir(), "oarjs-run-"));
  private readonly child: ChildProcess;
  private readonly timer: NodeJS.Timeout;
  private readonly end = (): void => this.close();
  private ended = 0;
  private running = true;
  private begun = performance.now();
  private problem: string | undefined;

  constructor(
    private readonly commands: readonly Command[],
    changed: () => void,
  ) {
    process.once("exit", this.end);
    // The limit is found by looking, too, when nobody else looks.
    this.timer = setInterval(changed, 1000).unref();
    commands.forEach((c, i) => {
      writeFileSync(this.path(i, "in"), c.input);
    });
    // It waits for a line, so that nothing starts before the priority is lowered.
    const script = ["read go", ...commands.map((c, i) => this.line(c, i))].join("\n");
    // In a group of its own, so that what it starts can be ended with it.
    this.child = spawn("/bin/sh", ["-c", script], {
      ...{ env: commands[0]!.env, detached: true, stdio: ["pipe", "ignore", "ignore"] },
    });
    lowerPriority(this.child.pid);
    this.child.stdin?.on("error", () => undefined);
    this.child.stdin?.end("go\n");
    this.child.unref();
    this.child.on("error", (error) => {
      this.problem = error.message;
      changed();
    });
    this.child.on("exit", (_, signal) => {
      this.running = false;
      this.problem ??= signal === null ? "it left no result" : `it was ended by ${signal}`;
      changed();
    });
  }

  /** Tells each command that has ended since; true when all have. */
  look(): boolean {
    while (this.ended < this.commands.length) {
      const command = this.commands[this.ended]!;
      const outcome = this.outcome(command);
      if (!outcome) return false;
      this.ended++;
      this.begun = performance.now();
      command.ended(outcome);
      if (outcome.problem !== undefined && outcome.problem !== absent) this.problem ??= outcome.problem;
    }
    return true;
  }

  /** Ends what is still running, and removes the files. */
  close(): void {
    process.off("exit", this.end);
    clearInterval(this.timer);
    if (this.running && this.child.pid !== undefined) endGroup(this.child.pid);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private path(i: number, kind: string): string {
    return join(this.folder, `${i}.${kind}`);
  }

  /** Runs a command; its status is written last, with a dot behind it when it is whole. */
  private line({ command }: Command, i: number): string {
    const [input, out, err, status] = ["in", "out", "err", "status"].map((kind) => quoted(this.path(i, kind)));
    return `${command.map(quoted).join(" ")} < ${input} > ${out} 2> ${err}; echo "$?." > ${status}`;
  }

  private outcome({ limit }: Command): Outcome | undefined {
    const i = this.ended;
    const seconds = (performance.now() - this.begun) / 1000;
    const text = (kind: string): string => readFileSync(this.path(i, kind), "utf8");
    const written = statSync(this.path(i, "status"), { throwIfNoEntry: false }) ? text("status").trim() : "";
    if (written.endsWith(".")) {
      const status = Number(written.slice(0, -1));
      // What a shell says of commands that it cannot start, or that a signal ended.
      const problem = status === 127 ? absent : status > 128 ? `it was ended by signal ${status - 128}` : undefined;
      return { status: problem ? undefined : status, stdout: text("out"), stderr: text("err"), seconds, problem };
    }
    const problem = this.problem ?? (seconds * 1000 > limit ? late(limit) : undefined);
    return problem === undefined ? undefined : { status: undefined, stdout: "", stderr: "", seconds, problem };
  }
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Ends a process and whatever it has started. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
    return;
  }
}

/** The command's children inherit the priority: it is lowered before they start. Where that is refused, it runs at ours. */
function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
    setPriority(pid, Math.min(getPriority() + PRIORITY_BELOW_NORMAL, PRIORITY_LOW));
  } catch {
    return;
  }
}
