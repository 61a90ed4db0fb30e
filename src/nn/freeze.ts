// Freezing parts of a network by pattern, and giving back what they were.

import { NotFoundError } from "../core/errors.js";
import { sizeOf } from "../core/shape.js";
import { Parameter, type SettingSource } from "../param/parameter.js";
import type { Layer } from "./layer.js";

interface Former {
  readonly stopGradient: boolean;
  readonly source: SettingSource;
}

/** What `freeze` and `unfreeze` did. */
export interface FreezeReport {
  /** Structured names of the parameters that it froze or thawed; those that were so before are not among them. */
  readonly parameters: readonly string[];
  /** Structured names of the layers that matched. */
  readonly layers: readonly string[];
  /** Elements of these parameters. */
  readonly elements: number;
}

/** What parameters were before they were frozen. */
const formerOf = new WeakMap<Parameter, Former>();

/** Whether the parts of a structured name match a pattern's: `*` within one part, `**` any number of parts. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first === "**")
    return Array.from({ length: path.length + 1 }, (_, n) => n).some((n) => matches(rest, path.slice(n)));
  return path.length > 0 && partMatches(first, path[0]!) && matches(rest, path.slice(1));
}

function partMatches(pattern: string, part: string): boolean {
  const source = pattern.split("*").map((text) => text.replace(/[\\^$.+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${source.join(".*")}$`).test(part);
}

/** Whether a path or one of the layers above it matches. */
export function covers(pattern: string, path: string): boolean {
  const parts = path === "" ? [] : path.split(".");
  const wanted = pattern.split(".");
  return parts.length === 0 ? matches(wanted, []) : parts.some((_, i) => matches(wanted, parts.slice(0, i + 1)));
}

type Named<T> = readonly (readonly [path: string, value: T])[];

function matching(layer: Layer, pattern: string, op: string): { parameters: Named<Parameter>; layers: Named<Layer> } {
  // A shared parameter has several names; any of them counts.
  const found = new Map<Parameter, string>();
  for (const [path, p] of Object.entries(layer.stateDict()))
    if (p instanceof Parameter && !found.has(p) && covers(pattern, path)) found.set(p, path);
  const parameters = [...found].map(([p, path]) => [path, p] as const);
  const layers = [...layer.namedSublayers({ includeSelf: true })].filter(([path]) => covers(pattern, path));
  if (parameters.length === 0 && layers.length === 0) {
    const names = [...layer.namedChildren()].map(([name]) => name).slice(0, 8);
    throw new NotFoundError(`nothing is called "${pattern}".`, {
      op,
      pattern,
      hint: names.length > 0 ? `The layer has ${names.join(", ")}.` : undefined,
    });
  }
  return { parameters, layers };
}

/** See `Layer.freeze`. */
export function freezeMatching(layer: Layer, pattern: string): FreezeReport {
  const { parameters, layers } = matching(layer, pattern, "freeze");
  const changed = parameters.filter(([, p]) => !formerOf.has(p));
  for (const [, p] of changed) {
    formerOf.set(p, { stopGradient: p.stopGradient, source: p.sourceOf("trainable") });
    p.stopGradient = true;
    p.gradient = undefined;
    p.noteFrozen("frozen");
  }
  for (const [, l] of layers) l.isFrozen = true;
  return report(changed, layers);
}

/** See `Layer.unfreeze`. */
export function unfreezeMatching(layer: Layer, pattern: string): FreezeReport {
  const { parameters, layers } = matching(layer, pattern, "unfreeze");
  const changed = parameters.filter(([, p]) => formerOf.has(p));
  for (const [, p] of changed) {
    const { stopGradient, source } = formerOf.get(p)!;
    formerOf.delete(p);
    p.stopGradient = stopGradient;
    p.noteFrozen(source);
  }
  for (const [, l] of layers) l.isFrozen = false;
  return report(changed, layers);
}

const report = (parameters: Named<Parameter>, layers: Named<Layer>): FreezeReport => ({
  parameters: parameters.map(([path]) => path),
  layers: layers.map(([path]) => path),
  elements: parameters.reduce((n, [, p]) => n + sizeOf(p.shape), 0),
});
