// The progress bar that Model.fit prints, in Paddle's form: a line that is rewritten on a terminal, whole lines elsewhere.

import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, describe } from "../core/options.js";

/** Where the bar is printed: `process.stdout`, or anything like it. */
export interface ProgressOutput {
  write(text: string): unknown;
  /** Whether a line can be rewritten. */
  readonly isTTY?: boolean | undefined;
  /** Characters in a line; 80 by default. */
  readonly columns?: number | undefined;
}

/** A field of the line: its name and its number, numbers or text. */
export type ProgressField = readonly [name: string, value: number | string | ArrayLike<number>];

/** Options of {@link ProgressBar}. */
export interface ProgressBarOptions {
  /** Characters of the bar, fewer where the line is short; 30 by default. */
  width?: number | undefined;
  /** 0: silent; 1: one bar per epoch, the default; 2 and 3: a line at each update, without a bar. */
  verbose?: number | undefined;
  /** What is counted; "step" by default. */
  name?: string | undefined;
  /** Where to print; standard output by default. */
  output?: ProgressOutput | undefined;
  /** A clock in milliseconds; `performance.now` by default. */
  now?: (() => number) | undefined;
}

/**
 * Prints `step 10/76 [==>...........................] - loss: 0.1234 - ETA: 1s - 12ms/step`.
 *
 * With `verbose: 1` a terminal shows one line that each update rewrites (cut at the terminal's width until it is final); where
 * the output is piped only the final line of the epoch is printed. With an unknown total each update prints a line.
 *
 * @example
 * const bar = new ProgressBar(100);
 * for (let step = 1; step <= 100; step++) bar.update(step, [["loss", 1 / step]]);
 */
export class ProgressBar {
  readonly num: number | undefined;
  readonly name: string;
  readonly width: number;
  readonly verbose: number;
  readonly #output: ProgressOutput;
  readonly #now: () => number;
  #start: number;
  #printed = 0;

  /**
   * @param num the total, or null where it is unknown
   * @throws InvalidArgumentError when the total is no positive integer.
   */
  constructor(num?: number | null, options?: ProgressBarOptions) {
    const keys = ["width", "verbose", "name", "output", "now"];
    const { width = 30, verbose = 1, name = "step", output, now } = checkOptions("ProgressBar", options, keys);
    if (num !== undefined && num !== null && !(Number.isInteger(num) && num > 0)) {
      throw new InvalidArgumentError(`the total must be null or a positive integer, got ${describe(num)}.`, {
        op: "ProgressBar",
      });
    }
    this.num = num ?? undefined;
    this.name = name;
    this.verbose = verbose;
    this.#output = output ?? standardOutput();
    this.#now = now ?? (() => performance.now());
    const columns = this.#output.columns ?? 80;
    this.width = Math.max(0, Math.min(width, Math.floor(columns * 0.6), columns - 50));
    this.#start = this.#now();
  }

  /** Sets the clock's zero; the constructor does so too. */
  start(): void {
    this.#start = this.#now();
  }

  /**
   * Prints the state after `current` units.
   *
   * @param fields what stands between the bar and the times, in this order
   */
  update(current: number, fields: readonly ProgressField[] = []): void {
    if (this.verbose !== 1 && this.verbose !== 2 && this.verbose !== 3) return;
    const perUnit = current === 0 ? 0 : (this.#now() - this.#start) / 1000 / current;
    const values = fields.map(([name, value]) => ` - ${name}: ${formatValue(value)}`).join("");
    const speed = ` - ${formatDuration(perUnit)}/${this.name}`;
    if (this.verbose !== 1) {
      this.#output.write(`${this.count(current)}${values}${speed}\n`);
      return;
    }
    const { num } = this;
    const eta = num !== undefined && current < num ? ` - ETA: ${formatEta(perUnit * (num - current))}` : "";
    this.show(`${this.count(current)}${this.bar(current)}${values}${eta}${speed}`, num === undefined || current >= num);
  }

  private count(current: number): string {
    if (this.num === undefined) return `${this.name} ${String(current).padStart(3)}`;
    const total = String(this.num);
    return `${this.name} ${String(current).padStart(total.length)}/${total}`;
  }

  private bar(current: number): string {
    if (this.num === undefined) return "";
    const done = Math.floor((this.width * Math.min(current, this.num)) / this.num);
    const head = done === 0 ? "" : "=".repeat(done - 1) + (current < this.num ? ">" : "=");
    return ` [${head}${".".repeat(this.width - done)}]`;
  }

  /** Writes a line over the one before, where that can be done; else the final ones only. */
  private show(line: string, final: boolean): void {
    if (!this.#output.isTTY) {
      if (final) this.#output.write(`${line}\n`);
      return;
    }
    // A line that wraps cannot be rewritten: a carriage return goes back to its last row only.
    const shown = final ? line : line.slice(0, (this.#output.columns ?? 80) - 1);
    this.#output.write(`\r${shown.padEnd(this.#printed)}${final ? "\n" : ""}`);
    this.#printed = final ? 0 : shown.length;
  }
}

function formatValue(value: ProgressField[1]): string {
  if (typeof value === "string") return value;
  return Array.from(typeof value === "number" ? [value] : value, formatNumber).join(" ");
}

/** Four decimals, in scientific form up to 1e-3; Python's spelling and its rounding of ties to even. */
function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Math.abs(value) <= 1e-3) return value.toExponential(4).replace(/e([+-])(\d)$/, "e$10$2");
  // Four decimals are tied only for odd multiples of 1/32; toFixed rounds those away from zero.
  if (Math.abs(value * 32) % 2 !== 1) return value.toFixed(4);
  const below = Math.floor(value * 1e4);
  return ((below + Math.abs(below % 2)) / 1e4).toFixed(4);
}

function formatDuration(seconds: number): string {
  if (seconds >= 1 || seconds === 0) return `${seconds.toFixed(0)}s`;
  return seconds >= 1e-3 ? `${(seconds * 1e3).toFixed(0)}ms` : `${(seconds * 1e6).toFixed(0)}us`;
}

function formatEta(time: number): string {
  const seconds = Math.floor(time);
  const two = (n: number) => String(n).padStart(2, "0");
  if (seconds > 3600) {
    return `${Math.floor(seconds / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  }
  return seconds > 60 ? `${Math.floor(seconds / 60)}:${two(seconds % 60)}` : `${seconds}s`;
}

/** Node's standard output; in a browser the console, which prints whole lines. */
function standardOutput(): ProgressOutput {
  const stdout: ProgressOutput | undefined = globalThis.process?.stdout;
  return stdout ?? { write: (text) => console.log(text.replace(/\n$/, "")) };
}
