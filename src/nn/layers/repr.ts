// How layers print values of Python's kinds: None, True, lists.

/** A value as Python prints it. */
export function inPython(x: unknown): string {
  if (x === null || x === undefined) return "None";
  if (typeof x === "boolean") return x ? "True" : "False";
  if (Array.isArray(x)) return `[${x.map(inPython).join(", ")}]`;
  return String(x);
}
