// How every public function reads its trailing options object: what counts as one, which keys it may have, what was left out.

import { InvalidArgumentError, nearest } from "./errors.js";
import { isNdArray } from "./nd-array.js";

/** What may follow the required arguments: an options object, or the first defaulted parameter bare and then options. */
export type Trailing<Bare, Options> = [options?: Options] | [bare: Bare | undefined, options?: Options];

const none: Readonly<Record<string, unknown>> = Object.freeze({});

/** Whether `x` is an options object: prototype `Object.prototype` or null, and not an NdArray. */
export function isOptions(x: unknown): x is Record<string, unknown> {
  if (typeof x !== "object" || x === null) return false;
  const prototype: unknown = Object.getPrototypeOf(x);
  return (prototype === Object.prototype || prototype === null) && !isNdArray(x);
}

/**
 * Returns `given` (an empty object for undefined) after refusing every key not in `allowed`.
 *
 * @param api the public name that error messages show, as in `[sum]`
 * @throws InvalidArgumentError when `given` is no options object or has an unknown key; the hint suggests the nearest key.
 * @example
 * checkOptions("sum", { keepdims: true }, ["axis", "dtype", "keepdim"]); // throws: did you mean "keepdim"?
 */
export function checkOptions<O extends object>(api: string, given: O | undefined, allowed: readonly string[]): O {
  if (given === undefined) return none as O;
  if (!isOptions(given)) {
    throw new InvalidArgumentError(`the options must be a plain object, got ${describe(given)}.`, { op: api });
  }
  for (const key in given) if (!allowed.includes(key)) throw unknownKey(api, key, allowed);
  return given;
}

/**
 * Reads the arguments after the required ones: up to `bare` values given without a name, then maybe an options object.
 * Bare values are taken in the order of `keys`; `undefined` means not given.
 *
 * @throws InvalidArgumentError on an unknown key, on a parameter given twice, on too many arguments.
 * @example
 * splitOptions("sum", [1, { keepdim: true }], ["axis", "dtype", "keepdim"]); // { axis: 1, keepdim: true }
 */
export function splitOptions<O extends object>(
  api: string,
  rest: readonly unknown[],
  keys: readonly (keyof O & string)[],
  bare = 1,
): O {
  if (rest.length === 0) return none as O;
  const last = rest[rest.length - 1];
  const hasOptions = isOptions(last);
  const given = hasOptions ? checkOptions(api, last, keys) : none;
  let count = hasOptions ? rest.length - 1 : rest.length;
  while (count > 0 && rest[count - 1] === undefined) count--;
  if (count === 0) return given as O;
  if (count > bare) {
    throw new InvalidArgumentError(`too many arguments: after the required ones ${bare} may come without a name.`, {
      op: api,
      hint: `Pass the rest by name: { ${keys.slice(bare).join(", ")} }.`,
    });
  }
  return mergeNamed(api, rest.slice(0, count), given, keys) as O;
}

/**
 * Reads a constructor that takes everything in one options object, where required parameters (and the first defaulted one)
 * may also be positional: `new StepDecay({ learningRate: 1, stepSize: 2 })`, `new StepDecay(1, 2)`, `new StepDecay(1, 2, 0.5)`.
 *
 * @param keys every parameter in Paddle's order
 * @param required how many of them, from the first, have no default
 * @throws InvalidArgumentError on an unknown key, a parameter given twice, a missing one, too many arguments.
 */
export function namedOptions<O extends object>(
  api: string,
  args: readonly unknown[],
  keys: readonly (keyof O & string)[],
  required: number,
): O {
  const options = splitOptions<O>(api, args, keys, required + 1);
  for (let i = 0; i < required; i++) {
    const key = keys[i]!;
    if (options[key] === undefined) {
      throw new InvalidArgumentError(`${key} is required.`, {
        op: api,
        parameter: key,
        hint: `Pass ${keys.slice(0, required).join(", ")} in this order, or by name in one options object.`,
      });
    }
  }
  return options;
}

/** How a message names a value: its type, with the value itself where that is short. */
export function describe(x: unknown): string {
  if (x === null || typeof x === "undefined" || typeof x === "number" || typeof x === "boolean") return String(x);
  if (typeof x === "string") return x.length <= 40 ? JSON.stringify(x) : "a string";
  if (typeof x === "bigint") return `${x}n`;
  if (Array.isArray(x)) return "an array";
  if (typeof x === "function") return "a function";
  const name = Object.getPrototypeOf(x)?.constructor?.name;
  // Bundlers put an underscore before classes that speak of themselves.
  return typeof name === "string" && name !== "Object" ? `a ${name.replace(/^_/, "")}` : "an object";
}

function mergeNamed(
  api: string,
  values: readonly unknown[],
  given: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...given };
  for (let i = 0; i < values.length; i++) {
    const key = keys[i]!;
    if (values[i] === undefined) continue;
    if (given[key] !== undefined) {
      throw new InvalidArgumentError(`${key} is given twice: as an argument and in the options.`, {
        op: api,
        parameter: key,
      });
    }
    merged[key] = values[i];
  }
  return merged;
}

function unknownKey(api: string, key: string, allowed: readonly string[]): InvalidArgumentError {
  const near = nearest(key, allowed);
  return new InvalidArgumentError(`there is no option ${JSON.stringify(key)}.`, {
    op: api,
    option: key,
    hint: near === undefined ? `The options are ${allowed.join(", ")}.` : `Did you mean ${JSON.stringify(near)}?`,
  });
}
