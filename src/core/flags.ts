// Process-wide switches: setFlags and getFlags.

import { InvalidArgumentError, nearest } from "./errors.js";
import { checkOptions, describe } from "./options.js";

/** The switches and their values. */
export interface Flags {
  /** Python Paddle 3.3.1's dynamic behaviour exactly, its refusals included, where Oar keeps the FAQ's word instead. */
  strictPaddle: boolean;
  /** Results do not change while the process runs: native code replaces WebAssembly only at `await oar.jit.ready()`. */
  deterministic: boolean;
}

const flags: Flags = { strictPaddle: false, deterministic: false };

/** Names of all switches. */
const names = Object.keys(flags) as (keyof Flags)[];

/**
 * Sets switches.
 *
 * @throws InvalidArgumentError for an unknown switch or a value that is no boolean.
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
    if (typeof value !== "boolean") {
      throw new InvalidArgumentError(`${name} must be a boolean, got ${describe(value)}.`, { op: "setFlags", name });
    }
    flags[name] = value;
  }
}

/**
 * The values of some switches, by default of all.
 *
 * @throws InvalidArgumentError for an unknown switch.
 */
export function getFlags(which: string | readonly string[] = names): Partial<Flags> {
  const out: Partial<Flags> = {};
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
  return out;
}

/** Whether Python Paddle's dynamic behaviour is wanted exactly. */
export const isStrictPaddle = (): boolean => flags.strictPaddle;

/** Whether results must not change while the process runs. */
export const isDeterministic = (): boolean => flags.deterministic;
