// Where a user's code awaits an asynchronous function, for messages.

/**
 * The lines of the functions that await the asynchronous function `entry`, innermost first, as stacks show them. Asked inside of it after
 * an `await`, so that calls that succeed pay nothing; empty where the caller does not await at once, or the engine does not tell.
 */
export function awaitingLines(entry: (...args: never[]) => unknown): string[] {
  if (!("captureStackTrace" in Error)) return [];
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, entry);
  const lines = (holder.stack ?? "").split("\n");
  return lines.filter((line) => /^\s+at /.test(line) && !/node:internal|Promise\.\w+ \(index/.test(line));
}

/** The place in a line of a stack: `file:line:column`. */
export const placeIn = (line: string): string => line.replace(/^\s+at (?:async )?(?:.*\()?(.*?)\)?$/, "$1");
