// Golden: names, shapes, flags and state-dict keys of layers as Paddle 3.3.1 gives them.

import { createParameter, nn, utils } from "oarjs";
import { describe, expect, test } from "vitest";
import { fixtureJson } from "./fixtures-node.js";
import { camelCase } from "./recorded.js";

interface Entry {
  readonly layer: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly fullName: string;
  readonly params: readonly {
    readonly key: string;
    readonly name: string;
    readonly shape: readonly number[];
    readonly stopGradient: boolean;
  }[];
  readonly stateDictKeys: readonly string[];
  readonly sublayers?: readonly (readonly [string, string])[];
}

const recorded = fixtureJson<{ readonly layers: readonly Entry[]; readonly guard: Readonly<Record<string, string>> }>(
  "regularizer-clip-names/names_dygraph_3.3.1.json",
);

/** The number of each layer by its first appearance within the entry, since an entry is built alone here. */
function renumbered(names: readonly string[]): string[] {
  const numbers = new Map<string, Map<string, number>>();
  return names.map((name) => {
    const [, key, number, rest] = /^(.*?)_(\d+)(\..*)?$/.exec(name) ?? [undefined, name, "", ""];
    const known = numbers.get(key!) ?? new Map<string, number>();
    numbers.set(key!, known);
    if (!known.has(number!)) known.set(number!, known.size);
    return `${key}#${known.get(number!)}${rest ?? ""}`;
  });
}

const describeLayer = (net: nn.Layer): Omit<Entry, "layer" | "sublayers"> => {
  const params = net.namedParameters();
  return {
    fullName: net.fullName(),
    params: params.map(([key, p]) => ({ key, name: p.name, shape: [...p.shape], stopGradient: p.stopGradient })),
    stateDictKeys: Object.keys(net.stateDict()),
  };
};

const alike = ({ fullName, params, stateDictKeys }: Omit<Entry, "layer">) => ({
  names: renumbered([fullName, ...params.map((p) => p.name)]),
  params: params.map(({ key, shape, stopGradient }) => ({ key, shape, stopGradient })),
  stateDictKeys,
});

const classes = nn as unknown as Readonly<Record<string, (new (...args: unknown[]) => nn.Layer) | undefined>>;
const known = recorded.layers.filter((e) => e.args && classes[e.layer]);

function build(e: Entry): nn.Layer {
  const options = Object.fromEntries(Object.entries(e.kwargs!).map(([k, v]) => [camelCase(k), v]));
  if (e.layer === "Transformer") {
    // Every argument has a default there: they go by name.
    const names = ["dModel", "nhead", "numEncoderLayers", "numDecoderLayers", "dimFeedforward"];
    return new classes.Transformer!({ ...options, ...Object.fromEntries(e.args!.map((v, i) => [names[i], v])) });
  }
  return new classes[e.layer]!(...e.args!, ...(Object.keys(options).length > 0 ? [options] : []));
}

describe("each layer alone", () => {
  test.each(known.map((e) => [`${e.layer} ${JSON.stringify([e.args, e.kwargs])}`, e] as const))("%s", (_, e) => {
    utils.uniqueName.guard(() => expect(alike(describeLayer(build(e)))).toEqual(alike(e)));
  });
});

test("Linear and Embedding in the recorded order have the recorded names", () => {
  utils.uniqueName.guard(() => {
    for (const e of recorded.layers.slice(0, 4)) {
      const { fullName, params, stateDictKeys } = describeLayer(build(e));
      expect({ fullName, params, stateDictKeys }).toEqual({
        fullName: e.fullName,
        params: e.params.map(({ key, name, shape, stopGradient }) => ({ key, name, shape, stopGradient })),
        stateDictKeys: e.stateDictKeys,
      });
    }
  });
});

test("containers", () => {
  const e = recorded.layers.find((entry) => entry.layer.startsWith("Sequential("))!;
  const tanh = class Tanh extends nn.Layer {};
  utils.uniqueName.guard(() => {
    const net = new nn.Sequential(
      ["fc", new nn.Linear(2, 3)],
      ["bn", new nn.BatchNorm1D(3)],
      ["inner", new nn.Sequential(new nn.Linear(3, 2), new tanh())],
      ["list", new nn.LayerList([new nn.Linear(2, 2), new nn.Linear(2, 1)])],
      [
        "pl",
        new nn.ParameterList([createParameter([2], "float32"), createParameter([1], "float32", { isBias: true })]),
      ],
    );
    expect(alike(describeLayer(net))).toEqual(alike(e));
    const names = (list: readonly (readonly [string, string])[]) => [
      list.map(([k]) => k),
      renumbered(list.map(([, n]) => n)),
    ];
    expect(names([...net.namedSublayers()].map(([k, l]) => [k, l.fullName()]))).toEqual(names(e.sublayers!));
  });
});

test("guard prefixes", () => {
  utils.uniqueName.guard(recorded.guard["prefix"]!, () => {
    expect(new nn.Linear(1, 1).weight.name).toBe(recorded.guard["Linear(1,1).weight"]);
    expect(utils.uniqueName.generate("fc")).toBe(recorded.guard["generate('fc')"]);
  });
});
