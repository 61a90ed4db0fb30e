// The line of a captured function that reads a value, for messages.

import { PreconditionNotMetError } from "../core/errors.js";

/** The package's rooms that stand between a user's line and the error; "node" is its bundle for Node. */
const inside = ["tensor", "trace", "nn", "optimizer", "node"].map(
  (room) => new URL(`../${room}/`, import.meta.url).pathname,
);

/** Runs the user's function; an error about a value that was read names the line. */
export function withLine<R>(api: string, fn: () => R): R {
  try {
    return fn();
  } catch (error) {
    if (!(error instanceof PreconditionNotMetError) || error.fields.op !== "data") throw error;
    const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    const line = frames.find((f) => !f.includes("node:") && !inside.some((path) => f.includes(path)));
    throw new PreconditionNotMetError(
      `a tensor's value was read inside a captured function${line ? `, ${line.trim()}` : ""}.`,
      { op: api, hint: "return the tensor and read it outside, or branch with where." },
    );
  }
}
