// Freezing parts of a network by pattern, and giving back what they were.

import { NotFoundError } from "../core/errors.js";
import type { Parameter, SettingSource } from "../param/parameter.js";
import type { Layer } from "./layer.js";

interface Former {
  readonly stopGradient: boolean;
  readonly source: SettingSource;
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

function matching(layer: Layer, pattern: string, op: string): { parameters: Parameter[]; layers: Layer[] } {
  const parameters = layer.namedParameters().flatMap(([path, p]) => (covers(pattern, path) ? [p] : []));
  const layers = [...layer.namedSublayers({ includeSelf: true })].flatMap(([path, l]) =>
    covers(pattern, path) ? [l] : [],
  );
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
export function freezeMatching(layer: Layer, pattern: string): void {
  const { parameters, layers } = matching(layer, pattern, "freeze");
  for (const p of parameters) {
    if (formerOf.has(p)) continue;
    formerOf.set(p, { stopGradient: p.stopGradient, source: p.sourceOf("trainable") });
    p.stopGradient = true;
    p.gradient = undefined;
    p.noteFrozen("frozen");
  }
  for (const l of layers) l.isFrozen = true;
}

/** See `Layer.unfreeze`. */
export function unfreezeMatching(layer: Layer, pattern: string): void {
  const { parameters, layers } = matching(layer, pattern, "unfreeze");
  for (const p of parameters) {
    const former = formerOf.get(p);
    if (!former) continue;
    formerOf.delete(p);
    p.stopGradient = former.stopGradient;
    p.noteFrozen(former.source);
  }
  for (const l of layers) l.isFrozen = false;
}
