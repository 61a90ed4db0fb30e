// Names: generated ones as Paddle counts them, scopes of names, and who has which parameter name.

import { InvalidArgumentError } from "../core/errors.js";
import { openScope, runScope, type Synchronous } from "../core/scope.js";
import type { Parameter } from "./parameter.js";

/** Counts one number for each key: `fc_0`, `fc_1`, `conv2d_0`. A prefix stands before the name and is not part of the key. */
export class UniqueNameGenerator {
  private readonly counters = new Map<string, number>();

  constructor(readonly prefix = "") {}

  /** The next name for a key. */
  generate(key: string): string {
    const n = this.counters.get(key) ?? 0;
    this.counters.set(key, n + 1);
    return `${this.prefix}${key}_${n}`;
  }
}

/** Who has a parameter name in a scope. */
export interface NameEntry {
  /** The layer (or function) that asked for the parameter first. */
  readonly creator: string;
  /** The parameter while others may still join it; undefined once it was updated or loaded, or when its name was generated. */
  joinable: Parameter | undefined;
  readonly explicit: boolean;
}

/** The parameter names taken in a scope. */
export type ParameterNames = Map<string, NameEntry>;

interface NameScope {
  readonly generator: UniqueNameGenerator;
  readonly names: ParameterNames;
}

let current: NameScope = { generator: new UniqueNameGenerator(), names: new Map() };

/** The parameter names of the scope in force. */
export const parameterNames = (): ParameterNames => current.names;

/**
 * The next name for a key in the scope in force.
 *
 * @example
 * uniqueName.generate("fc"); // "fc_0", then "fc_1"
 */
function generate(key: string): string {
  if (typeof key !== "string")
    throw new InvalidArgumentError("the key must be a string.", { op: "uniqueName.generate" });
  return current.generator.generate(key);
}

function enter(next: NameScope): () => void {
  const before = current;
  current = next;
  return () => {
    current = before;
  };
}

const scopeOf = (prefix: string | UniqueNameGenerator | null | undefined): NameScope => ({
  generator: prefix instanceof UniqueNameGenerator ? prefix : new UniqueNameGenerator(prefix ?? ""),
  names: new Map(),
});

/**
 * A separate scope of names: counters start at 0 and every explicit parameter name is free again, so two copies of a model can stand
 * side by side. With a callback the scope lasts for the callback; without one, until the end of the block of `using`.
 *
 * @param prefix stands before every name generated inside
 * @throws InvalidArgumentError when the callback returns a promise.
 * @example
 * const student = utils.uniqueName.guard("student_", () => new nn.Linear(2, 3)); // student_student_linear_0.w_0, as in Paddle
 * using scope = utils.uniqueName.guard();
 */
function guard<R>(prefix: string | UniqueNameGenerator | null, fn: () => Synchronous<R>): R;
function guard<R>(fn: () => Synchronous<R>): R;
function guard(prefix?: string | UniqueNameGenerator | null): Disposable;
function guard<R>(
  first?: string | UniqueNameGenerator | null | (() => Synchronous<R>),
  second?: () => Synchronous<R>,
): R | Disposable {
  const fn = typeof first === "function" ? first : second;
  const prefix = typeof first === "function" ? undefined : first;
  if (
    prefix !== undefined &&
    prefix !== null &&
    typeof prefix !== "string" &&
    !(prefix instanceof UniqueNameGenerator)
  ) {
    throw new InvalidArgumentError("the prefix must be a string.", { op: "uniqueName.guard" });
  }
  const open = (): (() => void) => enter(scopeOf(prefix));
  return fn ? runScope("uniqueName.guard", open, fn) : openScope("uniqueName.guard", open);
}

/**
 * Puts another generator (by default a fresh one) and another set of taken parameter names in force until the next switch.
 *
 * @returns what was in force, to switch back to
 */
function switchTo(generator?: UniqueNameGenerator, names?: ParameterNames): [UniqueNameGenerator, ParameterNames] {
  const before = current;
  current = { generator: generator ?? new UniqueNameGenerator(), names: names ?? new Map() };
  return [before.generator, before.names];
}

/** Paddle's `utils.unique_name`. */
export const uniqueName = { generate, guard, switch: switchTo } as const;
