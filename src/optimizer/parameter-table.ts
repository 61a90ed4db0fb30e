// Parameter tables: for each parameter every setting in force, and where each came from; for networks and for Programs.

import { formatTable } from "../core/text-table.js";
import { formatShape, type Shape, sizeOf } from "../core/shape.js";
import type { Parameter } from "../param/parameter.js";
import { formatRate, rateNow } from "../param/rate.js";
import type { Resolved } from "../param/resolve.js";
import type { Optimizer } from "./optimizer.js";

/** One parameter with its settings in force. */
export interface ParameterRow {
  /** The first structured name. */
  readonly key: string;
  /** The parameter's name. */
  readonly name: string;
  readonly shape: Shape;
  /** The final rate; the parameter's factor when there is no optimizer. */
  readonly learningRate: Resolved<number>;
  readonly regularizer: Resolved<string>;
  readonly clip: Resolved<string>;
  readonly trainable: Resolved<boolean>;
  readonly initializer: Resolved<string>;
  /** All structured names, when there are several. */
  readonly sharedBy: readonly string[];
}

/** Parameters counted and explained. */
export interface ParameterSummary {
  /** Elements of all parameters. */
  readonly totalParams: number;
  readonly trainableParams: number;
  readonly parameters: readonly ParameterRow[];
  /** The tables as text. */
  toString(): string;
}

/** Elements of all parameters, and of those that are trained. */
export function countParameters(all: readonly Parameter[]): Pick<ParameterSummary, "totalParams" | "trainableParams"> {
  const count = (list: readonly Parameter[]): number => list.reduce((n, p) => n + sizeOf(p.shape), 0);
  return { totalParams: count(all), trainableParams: count(all.filter((p) => p.trainable)) };
}

/** A parameter's row: `names` are what it is called, in the order they are shown in. */
export function parameterRow(p: Parameter, names: readonly string[], optimizer: Optimizer | undefined): ParameterRow {
  const settings = optimizer?.settingsOf(p);
  const outside: Resolved<string> = { value: "-", source: optimizer ? "not in the optimizer" : "no optimizer" };
  const decoupled = settings?.decoupledDecay;
  const coupled = settings?.regularizer.value ?? (settings ? null : p.regularizer);
  const decay = [coupled ? String(coupled) : "", decoupled?.value ? `decoupled ${decoupled.value}` : ""].filter(
    (s) => s !== "",
  );
  const decaySource =
    coupled || !decoupled ? (settings?.regularizer.source ?? p.sourceOf("regularizer")) : decoupled.source;
  return {
    key: names[0]!,
    name: p.name,
    shape: p.shape,
    learningRate: settings
      ? { value: settings.rate, source: settings.learningRate.source }
      : { value: rateNow(p.learningRate), source: p.sourceOf("learningRate") },
    regularizer: { value: decay.length > 0 ? decay.join(" + ") : "none", source: decaySource },
    clip: clipOf(p, settings?.clip, outside),
    trainable: { value: p.trainable, source: p.sourceOf("trainable") },
    initializer: { value: String(p.initializer ?? "-"), source: p.sourceOf("initializer") },
    sharedBy: names.length > 1 ? names : [],
  };
}

function clipOf(p: Parameter, clip: Resolved<unknown> | undefined, outside: Resolved<string>): Resolved<string> {
  if (!p.needClip) return { value: "no", source: p.sourceOf("needClip") };
  if (!clip) return outside;
  return { value: clip.value ? String(clip.value) : "none", source: clip.source };
}

/** The table and the counts as text. */
export function formatParameters(
  totals: Pick<ParameterSummary, "totalParams" | "trainableParams">,
  parameters: readonly ParameterRow[],
): string {
  const said = <T>({ value, source }: Resolved<T>): string => `${String(value)} (${source})`;
  const counts = [
    `Total params: ${totals.totalParams.toLocaleString("en-US")}`,
    `Trainable params: ${totals.trainableParams.toLocaleString("en-US")}`,
    `Non-trainable params: ${(totals.totalParams - totals.trainableParams).toLocaleString("en-US")}`,
  ];
  const parameterTable = formatTable(
    ["Parameter", "Name", "Shape", "Learning rate", "Regularizer", "Clip", "Trainable", "Initializer", "Shared by"],
    parameters.map((r) => [
      r.key,
      r.name,
      formatShape(r.shape),
      `${formatRate(r.learningRate.value)} (${r.learningRate.source})`,
      said(r.regularizer),
      said(r.clip),
      said(r.trainable),
      said(r.initializer),
      r.sharedBy.join(", "),
    ]),
  );
  return `${parameterTable}\n\n${counts.join("\n")}`;
}
