// What optimizers do to Programs: static mode, which stands above this room, says how.

import type { ParameterGradient } from "../nn/clip.js";
import type { Parameter } from "../param/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Optimizer } from "./optimizer.js";

/** Options of `minimize`, for static losses. */
export interface MinimizeOptions {
  readonly startupProgram?: unknown;
  /** Only these, or those of these names, are updated; by default every trainable parameter of the Program. */
  readonly parameters?: readonly (Parameter | string)[] | null | undefined;
  /** No gradient flows through these. */
  readonly noGradSet?: Iterable<Tensor | string> | null | undefined;
}

/** What optimizers do to Programs: static mode says how. */
export interface StaticUpdates {
  /** Minimizes a loss of a Program. */
  minimize(optimizer: Optimizer, loss: Tensor, options: MinimizeOptions): [[], ParameterGradient[]];
  /** Appends what `fn` binds to the default main Program, as a part that every run of it does. */
  append<R>(fn: () => R): R;
  /** Parameters of the default main Program. */
  parameters(): Parameter[];
}

let inPrograms: StaticUpdates | undefined;

/** Installs static mode's part. */
export function setStaticUpdates(updates: StaticUpdates): void {
  inPrograms = updates;
}

/** Static mode's part; undefined where the package has none. */
export const staticUpdates = (): StaticUpdates | undefined => inPrograms;
