// Initializers from manifests: their name and Python's arguments.

import { nn } from "oarjs";
import { camelCase } from "./recorded.js";

type Initializer = nn.initializer.Initializer;
const makers = nn.initializer as unknown as Readonly<Record<string, new (args: unknown) => Initializer>>;

/** Nested lists were recorded as float32 arrays, flat ones as lists. */
function assigned(value: unknown): unknown {
  const rows = value as number[][];
  if (!Array.isArray(rows[0])) return value;
  return { dtype: "float32", shape: [rows.length, rows[0].length], data: Float32Array.from(rows.flat()) };
}

/** The initializer a manifest describes. */
export function initializerOf(name: string, args: Readonly<Record<string, unknown>>): Initializer {
  const entries = Object.entries(args).map(([key, value]) => [camelCase(key), value] as const);
  return new makers[name]!(name === "Assign" ? assigned(args["value"]) : Object.fromEntries(entries));
}
