// The public surface: Paddle's names in Paddle's namespaces, what is Oar's own with its reason, and nothing internal.

import { readFileSync } from "node:fs";
import * as oar from "oarjs";
import { describe, expect, it } from "vitest";
import { camelCase, type PaddleNames, valueAt } from "./paddle-names.js";

const paddle: PaddleNames = JSON.parse(
  readFileSync(new URL("./fixtures/api/paddle-3.3.1.json", import.meta.url), "utf8"),
);
const manifest: { exports: Record<string, unknown> } = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
);

/** Namespaces that the design names (2.1), as paths from `oar`. */
const NAMESPACES = [
  "autograd",
  "io",
  "jit",
  "linalg",
  "metric",
  "nn",
  "nn.functional",
  "nn.initializer",
  "optimizer",
  "optimizer.lr",
  "profiler",
  "regularizer",
  "static",
  "static.nn",
  "utils",
  "vision",
  "vision.datasets",
  "vision.models",
  "vision.transforms",
];

/** Namespaces that Paddle has no public list for. */
const OWN_NAMESPACES = ["hapi", "incubate.optimizer"];

/** Names that Paddle's namespaces do not list, each group with its reason. */
const OWN: Record<string, readonly string[]> = {
  "": [
    // The kinds of errors; Paddle raises Python's.
    ...["AlreadyExistsError", "BugError", "InvalidArgumentError", "NotFoundError", "OarError", "OutOfRangeError"],
    ...["PreconditionNotMetError", "UnavailableError", "UnimplementedError"],
    // Plain arrays and dtypes: what NumPy is to Paddle.
    ...["dtypeNames", "isDType", "isNdArray", "ndArray"],
    // paddle.tensor.random.gaussian: normal numbers of any floating-point dtype.
    "gaussian",
    // The class of parameters, for `instanceof`; Paddle's is paddle.base.framework.EagerParamBase.
    "Parameter",
  ],
  io: ["numpyRandom", "pythonRandom"],
  // Paddle lists the other two in paddle.incubate; LARS stands in paddle.incubate.optimizer unlisted.
  "incubate.optimizer": ["LarsMomentumOptimizer", "LookAhead", "ModelAverage"],
  jit: ["compile", "ready"],
  nn: ["GradientClip"],
  "nn.initializer": ["Initializer"],
  optimizer: [],
  regularizer: ["WeightDecayRegularizer"],
  // paddle.signal has them without listing them.
  signal: ["frame", "overlapAdd"],
  static: [
    ...["ProgramBlock", "Scope", "ScopeTensor", "ScopeVariable", "disableStatic", "enableStatic"],
    // Paddle's is paddle.static.nn.control_flow.Assert.
    "Assert",
    // Of Paddle 2.6's paddle.static.io and paddle.fluid.io.
    ...["loadParams", "loadPersistables", "loadVars", "saveParams", "savePersistables", "saveVars"],
  ],
  // Of Paddle 2.6; 3.3 lists it no more.
  "static.nn": ["dataNorm"],
  utils: ["UniqueNameGenerator", "uniqueName"],
};

/** Objects that are used as namespaces though they are no modules: their state is theirs. */
const OBJECTS = new Set<unknown>([
  ...[oar.io.numpyRandom, oar.io.pythonRandom, oar.utils.uniqueName],
  // Paddle's enumerations.
  ...[oar.profiler.ProfilerState, oar.profiler.ProfilerTarget, oar.profiler.SortedKeys, oar.profiler.SummaryView],
]);

const isNamespace = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object Module]";

/** Every namespace of the surface by its path from `oar`. */
function namespaces(value: Record<string, unknown> = oar, path = ""): Map<string, Record<string, unknown>> {
  const found = new Map([[path, value]]);
  for (const [name, inner] of Object.entries(value)) {
    if (!isNamespace(inner)) continue;
    for (const [deeper, module] of namespaces(inner, path === "" ? name : `${path}.${name}`)) found.set(deeper, module);
  }
  return found;
}
const surface = namespaces();

/** Paddle's spelling of a namespace: `utils.uniqueName` is `paddle.utils.unique_name`. */
const paddlePath = (path: string): string =>
  ["paddle", ...path.split(".").filter(Boolean)].join(".").replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

describe("namespaces", () => {
  it.each(NAMESPACES)("oar.%s is there", (path) => expect([...surface.keys()]).toContain(path));

  it("utils.uniqueName has Paddle's functions", () => {
    expect(Object.keys(oar.utils.uniqueName)).toEqual(expect.arrayContaining(["generate", "guard", "switch"]));
  });

  it("are Paddle's, or Oar's own", () => {
    const known = new Set([...Object.keys(paddle.namespaces), ...OWN_NAMESPACES.map((name) => `paddle.${name}`)]);
    expect([...surface.keys()].filter((path) => !known.has(paddlePath(path)))).toEqual([]);
  });

  it.each(Object.keys(manifest.exports).filter((path) => path !== "." && path !== "./package.json"))(
    "%s resolves to the namespace of the same name",
    async (path) => {
      const module: Record<string, unknown> = await import(/* @vite-ignore */ path.replace(/^\./, "oarjs"));
      expect(Object.keys(module).sort()).toEqual(
        Object.keys(surface.get(path.slice(2).replaceAll("/", ".")) ?? {}).sort(),
      );
    },
  );
});

describe("names", () => {
  const inPlace = paddle.namespaces["paddle.Tensor"]!.filter((name) => name.endsWith("_"));

  it.each([...surface].filter(([path]) => !OWN_NAMESPACES.includes(path)))(
    "of oar.%s are Paddle's or listed here",
    (path, module) => {
      const key = paddlePath(path);
      const allowed = new Set([
        ...[...(paddle.namespaces[key] ?? []), ...(paddle.unlisted[key] ?? [])].map(camelCase),
        ...(OWN[path] ?? []),
        // The in-place methods as functions, `gaussian_` among them, which Paddle has without listing it.
        ...(path === "" ? [...inPlace.map(camelCase), "gaussian_"] : []),
      ]);
      const strange = Object.keys(module).filter((name) => !allowed.has(name) && !isNamespace(module[name]));
      expect(strange).toEqual([]);
    },
  );

  it("hide the machinery: no op records, no tables of methods", () => {
    const internal = [...surface].flatMap(([path, module]) =>
      Object.entries(module)
        .filter(([name, value]) => {
          if (/(?:Methods|Op|Table|Registry)$/.test(name)) return true;
          return typeof value === "object" && !isNamespace(value) && !Array.isArray(value) && !OBJECTS.has(value);
        })
        .map(([name]) => `${path}.${name}`),
    );
    expect(internal).toEqual([]);
  });
});

describe("aliases", () => {
  // Paddle's swapaxes reads transpose's arguments and its own; here each function reads its own.
  const apart = new Set(["paddle.swapaxes", "paddle.swapdims"]);
  const groups = paddle.aliases
    .map((group) => group.filter((path) => !apart.has(path) && valueAt(oar, path) !== undefined))
    .filter((group) => group.length > 1);

  it.each(groups.map((group) => [group.join(" = "), group] as const))("%s", (_, group) => {
    const [first, ...others] = group.map((path) => valueAt(oar, path));
    for (const other of others) expect(other).toBe(first);
  });

  it("are many", () => expect(groups.length).toBeGreaterThan(40));
});
