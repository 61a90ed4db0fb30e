// Golden: batch norm layers over five steps of training against Paddle 3.3.1: outputs, input gradients, losses and all state; eagerly, compiled.

import { nn, optimizer, ParamAttr, type Tensor, toTensor, utils } from "oarjs";
import { compile } from "oarjs/jit";
import { describe, expect, test } from "vitest";
import { atStep, excess, fixtureArrays } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";

interface Case {
  readonly id: string;
  readonly layer: "BatchNorm1D" | "BatchNorm2D" | "BatchNorm3D" | "BatchNorm";
  readonly args: Readonly<Record<string, number | string | boolean>>;
  readonly attr: { readonly trainable?: boolean; readonly learning_rate?: number };
  readonly noAffine: boolean;
  readonly eval: boolean;
  /** The layer evaluates from this step on. */
  readonly evalAfter: number | null;
  readonly firstSampleOnly: boolean;
  readonly inputs: string;
  readonly losses: readonly number[];
  readonly params: readonly (readonly [key: string, name: string, stopGradient: boolean])[];
}

const { cases } = fixtureJson<{ readonly cases: readonly Case[] }>("bn/manifest.json");
const arrays = fixtureArrays("bn/bn.npz");
const steps = 5;
const [rtol, atol] = [2e-5, 2e-6];

const camel = (key: string): string => key.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());

/** The layer of a case, its state as recorded at the start. */
function layerOf(c: Case): nn.Layer {
  const { num_features: channels, ...args } = c.args;
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(args)) {
    const name = camel(key);
    options[c.layer === "BatchNorm" && name === "dataFormat" ? "dataLayout" : name] = value;
  }
  const attr = (): ParamAttr | false =>
    c.noAffine
      ? false
      : new ParamAttr({ trainable: c.attr.trainable ?? true, learningRate: c.attr.learning_rate ?? 1 });
  const layer = new nn[c.layer](channels as number, { ...options, weightAttr: attr(), biasAttr: attr() });
  const state: Record<string, unknown> = {};
  for (const [key] of c.params) {
    const { shape, data } = arrays.get(`${c.id}/state/${key}`)!;
    state[key] = { dtype: "float32", shape: shape.slice(1), data: (data as Float32Array).slice(0, shape[1]) };
  }
  layer.setStateDict(state, { strict: true });
  if (c.eval) layer.eval();
  return layer;
}

function batch(c: Case, name: "x" | "target", step: number): Tensor {
  const whole = arrays.get(`${c.inputs}/${name}`)!;
  const shape = [...whole.shape.slice(1)];
  const data = atStep(whole, step) as Float32Array;
  if (!c.firstSampleOnly) return toTensor({ dtype: "float32", shape, data });
  const size = data.length / shape[0]!;
  return toTensor({ dtype: "float32", shape: [1, ...shape.slice(1)], data: data.slice(0, size) });
}

type Step = (x: Tensor, target: Tensor) => [y: Tensor, dx: Tensor, loss: Tensor];

/** Runs the five steps and compares everything that was recorded. */
async function replay(c: Case, wrap: (step: Step) => Step): Promise<void> {
  const layer = layerOf(c);
  const expectNear = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void =>
    expect(excess(actual, expected as ArrayLike<number>, rtol, atol), `${c.id}: ${what}`).toBeLessThanOrEqual(0);
  const trained = layer.parameters().filter((p) => !p.stopGradient);
  const opt = trained.length > 0 ? new optimizer.SGD({ learningRate: 0.1, parameters: trained }) : undefined;
  const make = (): Step =>
    wrap((x, target) => {
      x.stopGradient = false;
      const y = layer(x) as Tensor;
      const loss = nn.functional.mseLoss(y, target);
      loss.backward();
      const dx = x.grad!;
      x.clearGrad();
      opt?.step();
      opt?.clearGrad();
      return [y, dx, loss];
    });
  let step = make();
  for (let s = 0; s < steps; s++) {
    if (s === c.evalAfter) {
      layer.eval();
      step = make();
    }
    const [y, dx, loss] = step(batch(c, "x", s), batch(c, "target", s));
    expectNear([(await loss.item()) as number], [c.losses[s]!], `loss of step ${s}`);
    expectNear(await y.data("float32"), atStep(arrays.get(`${c.id}/y`)!, s) as Float32Array, `y of step ${s}`);
    expectNear(await dx.data("float32"), atStep(arrays.get(`${c.id}/dx`)!, s) as Float32Array, `dx of step ${s}`);
    const state = layer.stateDict();
    for (const [key] of c.params)
      expectNear(
        state[key]!.dataSync("float32"),
        atStep(arrays.get(`${c.id}/state/${key}`)!, s + 1) as Float32Array,
        `${key} after step ${s}`,
      );
  }
}

describe.each(cases.map((c) => [c.id, c] as const))("%s", (_, c) => {
  test("names and flags", () => {
    utils.uniqueName.guard("", () => {
      const layer = layerOf(c);
      const named = layer.namedParameters().map(([key, p]) => [key, p.name, p.stopGradient]);
      expect(named).toEqual(c.params.map(([key, name, stop]) => [key, name, stop]));
    });
  });

  test("five steps, eagerly", () => replay(c, (step) => step));

  test("five steps, compiled", () => replay(c, (step) => compile(step) as Step));
});
