// Process-wide switches: setFlags and getFlags.

import { InvalidArgumentError, nearest } from "./errors.js";
import { checkOptions, describe } from "./options.js";

/** The switches and their values. */
export interface Flags {
  /** Python Paddle 3.3.1's dynamic behaviour exactly, its refusals included, where Oar keeps the FAQ's word instead. */
  strictPaddle: boolean;
  /** Results do not change while the process runs: native code replaces WebAssembly only at `await oar.jit.ready()`. */
  deterministic: boolean;
  /** How much is told of what the engine does, on standard error or the console: 0 (nothing) to 5. First: `OAR_DEBUG`, or 0. */
  debug: number;
}

const flags: Flags = { strictPaddle: false, deterministic: false, debug: 0 };

/** The highest level of `debug`. */
const mostDebug = 5;

/** Names of all switches. */
const names = Object.keys(flags) as (keyof Flags)[];

/**
 * Sets switches.
 *
 * @throws InvalidArgumentError for an unknown switch or a value that is no boolean (`debug`: no integer from 0 to 5).
 * @example
 * ```ts
 * import { getFlags, setFlags } from "oarjs";
 * setFlags({ strictPaddle: true });
 * console.log(getFlags("strictPaddle")); // { strictPaddle: true }
 * setFlags({ strictPaddle: false });
 * ```
 */
export function setFlags(given: Partial<Flags>): void {
  checkOptions("setFlags", given, names);
  for (const name of names) {
    const value: unknown = given[name];
    if (value === undefined) continue;
    if (name === "debug") flags.debug = debugOf(value, name);
    else if (typeof value === "boolean") flags[name] = value;
    else throw new InvalidArgumentError(`${name} must be a boolean, got ${describe(value)}.`, { op: "setFlags", name });
  }
}

function debugOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= mostDebug) return value;
  throw new InvalidArgumentError(`${name} must be an integer from 0 to ${mostDebug}, got ${describe(value)}.`, {
    op: "setFlags",
    name,
  });
}

/**
 * Takes the first value of `debug` from the environment variable `OAR_DEBUG`.
 *
 * @throws InvalidArgumentError when it is set to something else than an integer from 0 to 5.
 */
export function setDebugFrom(variable: string | undefined): void {
  if (variable) flags.debug = debugOf(/^\d+$/.test(variable) ? Number(variable) : variable, "OAR_DEBUG");
}

/**
 * The values of some switches, by default of all.
 *
 * @throws InvalidArgumentError for an unknown switch.
 */
export function getFlags(which: string | readonly string[] = names): Partial<Flags> {
  const out: Partial<Record<keyof Flags, boolean | number>> = {};
  for (const name of typeof which === "string" ? [which] : which) {
    const known = names.find((n) => n === name);
    if (known === undefined) {
      const near = nearest(name, names);
      throw new InvalidArgumentError(`there is no flag ${JSON.stringify(name)}.`, {
        op: "getFlags",
        hint: near === undefined ? `The flags are ${names.join(", ")}.` : `Did you mean ${JSON.stringify(near)}?`,
      });
    }
    out[known] = flags[known];
  }
  return out as Partial<Flags>;
}

/** How much is told of what the engine does; see {@link Flags.debug}. */
export const debugLevel = (): number => flags.debug;

/** Whether Python Paddle's dynamic behaviour is wanted exactly. */
export const isStrictPaddle = (): boolean => flags.strictPaddle;

/** Whether results must not change while the process runs. */
export const isDeterministic = (): boolean => flags.deterministic;
