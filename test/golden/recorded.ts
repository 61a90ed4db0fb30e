// Turns Python arguments as manifests hold them into Oar's: names in camelCase, regularizers, clips and schedules as objects.

import { nn, optimizer, regularizer } from "oarjs";

/** Arguments by Python's names. */
export type Args = Readonly<Record<string, unknown>>;

/** `learning_rate` is `learningRate`. */
export const camelCase = (key: string): string =>
  key.replace(/(?<=[a-z0-9])_([a-z])/g, (_, letter: string) => letter.toUpperCase());

const byName = (namespace: object): Readonly<Record<string, new (...args: unknown[]) => unknown>> =>
  namespace as Readonly<Record<string, new (...args: unknown[]) => unknown>>;

const made = (namespace: object, name: string, ...args: unknown[]): unknown => {
  const make = byName(namespace)[name];
  if (!make) throw new Error(`there is no ${name}`);
  return new make(...args);
};

/** Functions that manifests describe in words. */
const functions: Readonly<Record<string, (x: never) => boolean>> = {
  "name ends with w_0": (name: string) => name.endsWith("w_0"),
  "param.name ends with b_0": (p: { readonly name: string }) => p.name.endsWith("b_0"),
};

/** One value of a manifest as an argument. */
export function argument(value: unknown): unknown {
  if (typeof value === "string" && functions[value]) return functions[value];
  if (!Array.isArray(value) || typeof value[0] !== "string") return value;
  const [name, given] = value as [string, unknown];
  if (name.startsWith("L1") || name.startsWith("L2")) return made(regularizer, name, given);
  return made(nn, name, ...clipArguments(given as Args));
}

function clipArguments(given: Args): unknown[] {
  const { max, min, clip_norm } = given;
  return max === undefined ? [clip_norm] : min === undefined ? [max] : [max, { min }];
}

/** All arguments. */
export const argumentsOf = (args: Args = {}): Record<string, unknown> =>
  Object.fromEntries(Object.entries(args).map(([key, value]) => [camelCase(key), argument(value)]));

/** An optimizer by its name. */
export const makeOptimizer = (name: string, args: Args): optimizer.Optimizer =>
  made(optimizer, name, args) as optimizer.Optimizer;

/** A schedule by its name, with its first rate. */
export const makeSchedule = (name: string, learningRate: number, args: Args): optimizer.lr.LRScheduler =>
  made(optimizer.lr, name, { learningRate, ...argumentsOf(args) }) as optimizer.lr.LRScheduler;
