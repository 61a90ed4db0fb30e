// State dicts of layers: what is saved under which name, and loading with a report of all that does not fit.

import { InvalidArgumentError } from "../core/errors.js";
import { isStrictPaddle } from "../core/flags.js";
import { isNdArray } from "../core/nd-array.js";
import { checkOptions } from "../core/options.js";
import { formatShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import { Parameter } from "../param/parameter.js";
import { setTensorValue } from "../param/set-value.js";
import { Tensor } from "../tensor/tensor.js";
import { type TensorLike, toTensor } from "../tensor/to-tensor.js";
import type { Layer } from "./layer.js";
import { pythonName } from "./names.js";

/** Tensors by structured name. */
export type StateDict = Record<string, Tensor>;

/** Options of `setStateDict`. */
export interface LoadOptions {
  /** Throw when anything is missing, unexpected or mismatched; false by default. */
  readonly strict?: boolean | undefined;
  /** What the file's keys start with. */
  readonly prefix?: string | undefined;
  /** The file's key for a structured name; `"snake"`: Python's spelling of camelCase fields. */
  readonly rename?: "snake" | ((key: string) => string) | undefined;
  /** False: the keys are parameter names (`linear_0.w_0`); true by default. */
  readonly useStructuredName?: boolean | undefined;
}

/** What did not fit. */
export interface LoadReport {
  /** Own names that the state does not have. */
  readonly missing: string[];
  /** Names in the state that nothing took. */
  readonly unexpected: string[];
  /** Names with another shape. */
  readonly mismatched: { readonly key: string; readonly expected: Shape; readonly received: Shape }[];
}

/** Paddle's table of names inside a state dict; no entry of its own. */
const nameTable = "StructuredToParameterName@@";

/** Own parameters, own saved buffers, then sublayers. */
export function stateOf(layer: Layer, prefix: string, below: boolean, unsaved: boolean): StateDict {
  const out: StateDict = {};
  collect(layer, prefix, below, unsaved, out, new Set());
  return out;
}

function collect(
  layer: Layer,
  prefix: string,
  below: boolean,
  unsaved: boolean,
  out: StateDict,
  path: Set<Layer>,
): void {
  if (path.has(layer)) {
    throw new InvalidArgumentError(`the layer contains itself at "${prefix}".`, {
      op: "stateDict",
      hint: "keep references to parents in #private fields, which are not members.",
    });
  }
  path.add(layer);
  const members = [...layer.ownMembers()];
  const buffers = members.filter(
    ([key, m]) => m instanceof Tensor && !(m instanceof Parameter) && (unsaved || layer.isPersistable(key)),
  );
  for (const [key, m] of [...members.filter(([, m]) => m instanceof Parameter), ...buffers])
    out[prefix + key] = m as Tensor;
  if (below) {
    for (const [key, m] of members)
      if (!(m instanceof Tensor)) collect(m, `${prefix}${key}.`, below, unsaved, out, path);
  }
  path.delete(layer);
}

/** See `Layer.setStateDict`. */
export function loadState(layer: Layer, state: Readonly<Record<string, unknown>>, options: LoadOptions): LoadReport {
  const o = checkOptions("setStateDict", options, ["strict", "prefix", "rename", "useStructuredName"]);
  const report: LoadReport = { missing: [], unexpected: [], mismatched: [] };
  const used = new Set<string>();
  for (const [key, target] of Object.entries(stateOf(layer, "", true, false))) {
    const wanted = o.useStructuredName === false ? (target.name ?? key) : fileKey(key, o);
    const given = state[wanted];
    if (given === undefined) {
      report.missing.push(key);
      continue;
    }
    if (take(target, given as TensorLike, key, report)) used.add(wanted);
  }
  for (const key of Object.keys(state)) {
    const mismatched = report.mismatched.some((m) => fileKey(m.key, o) === key);
    if (key !== nameTable && !used.has(key) && (isStrictPaddle() || !mismatched)) report.unexpected.push(key);
  }
  if (isStrictPaddle()) report.missing.push(...report.mismatched.map((m) => m.key));
  if (o.strict) refuse(report);
  return report;
}

function fileKey(key: string, o: LoadOptions): string {
  const renamed =
    o.rename === undefined ? key : o.rename === "snake" ? key.split(".").map(pythonName).join(".") : o.rename(key);
  return (o.prefix ?? "") + renamed;
}

/** Sets one tensor; false and a note when the shape is another. */
function take(target: Tensor, given: TensorLike, key: string, report: LoadReport): boolean {
  const bare = ArrayBuffer.isView(given);
  const value = given instanceof Tensor || isNdArray(given) || bare ? given : toTensor(given, { dtype: target.dtype });
  const shape = bare ? [(given as { readonly length: number }).length] : (value as { readonly shape: Shape }).shape;
  if (bare ? shape[0] !== sizeOf(target.shape) : !sameShape(shape, target.shape)) {
    report.mismatched.push({ key, expected: target.shape, received: shape });
    return false;
  }
  if (target instanceof Parameter) target.setValue(value);
  else setTensorValue(target, value, `buffer "${key}"`, isStrictPaddle());
  return true;
}

function refuse(report: LoadReport): void {
  const lines = [
    ...report.missing.map((k) => `missing ${k}`),
    ...report.unexpected.map((k) => `unexpected ${k}`),
    ...report.mismatched.map((m) => `${m.key} is ${formatShape(m.expected)}, the state has ${formatShape(m.received)}`),
  ];
  if (lines.length === 0) return;
  throw new InvalidArgumentError(`the state does not fit: ${lines.join("; ")}.`, { op: "setStateDict", ...report });
}
