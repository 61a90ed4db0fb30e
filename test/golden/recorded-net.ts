// What the recordings of test/fixtures/parameters were made with: first values, losses, and how values are compared.

import { mean, multiply, nn, ParamAttr, subtract, type Tensor } from "oarjs";
import { excess } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import type { Run } from "./modes.js";

/** Nested lists of numbers. */
export type Nested = number | readonly Nested[];
type Values = Readonly<Record<string, Nested>>;

/** One recorded run. */
export interface Case {
  readonly first: Values;
  readonly losses: readonly number[];
  readonly steps: readonly Values[];
  readonly averages: readonly Values[];
  readonly state: Values;
}

type Recording = Record<string, Case> & Readonly<Record<"data" | "words", readonly [Nested, Nested][]>>;

/** Runs of dynamic mode, of PIR's static mode, and of the static mode of Paddle 2.6.2. */
export const recorded = fixtureJson<Recording>("parameters/dynamic.json");
export const inStatic = fixtureJson<Recording>("parameters/static.json");
export const inProgram = fixtureJson<Recording>("parameters/static-program.json");

export const flat = (x: Nested): number[] => (typeof x === "number" ? [x] : x.flatMap(flat));

/** `sin(phase + 1.3 i) / 2`, as the recording has it. */
const waves = (shape: readonly number[], phase: number): nn.initializer.Initializer => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, i) => Math.sin(phase + 1.3 * i) / 2);
  return new nn.initializer.Assign({ dtype: "float32", shape, data });
};

export const attr = (phase: number, shape: readonly number[], more: object = {}): ParamAttr =>
  new ParamAttr({ initializer: waves(shape, phase), ...more });

export const meanSquare = (a: Tensor, b: Tensor): Tensor => {
  const d = subtract(a, b);
  return mean(multiply(d, d));
};

/** Names whose values are not the recorded ones while a run goes through recorded batches, each with its largest excess. */
export async function difference<N extends nn.Layer>(
  run: Run<N>,
  want: Case,
  left: (name: string) => boolean = () => false,
  batches: readonly [Nested, Nested][] = recorded.data,
): Promise<Record<string, number>> {
  const worst = new Map<string, number>();
  const see = (name: string, values: ArrayLike<number | bigint>, expected: Nested): void => {
    if (left(name)) return;
    worst.set(name, Math.max(worst.get(name) ?? -Infinity, excess(values, flat(expected), 2e-5, 2e-6)));
  };
  for (const [t, [x, y]] of batches.entries()) {
    see("loss", [await run.step(x, y)], want.losses[t]!);
    for (const [name, values] of Object.entries(want.steps[t]!)) see(name, run.value(name), values);
  }
  for (const [name, values] of Object.entries(want.state)) see(name, run.value(name), values);
  return Object.fromEntries([...worst].filter(([, over]) => over > 0));
}
