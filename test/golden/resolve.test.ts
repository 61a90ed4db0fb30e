// Golden: which regularizer and rate a parameter ends with, for optimizer x weight decay x ParamAttr x group, against Paddle 3.3.1.

import { createParameter, multiply, nn, ParamAttr, setFlags, sum, utils } from "oarjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { excess } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { argument, type Args, argumentsOf, makeOptimizer } from "./recorded.js";
import { resolveDifference } from "./relaxed.js";

interface Row {
  readonly optimizer: string;
  readonly weight_decay: unknown;
  readonly attr: Args;
  readonly group: Args | null;
  readonly resolved?: {
    readonly regularizer: string | null;
    readonly learning_rate: number;
    readonly stop_gradient: boolean;
    readonly need_clip: boolean;
  };
  readonly valueAfterOneStep?: number;
  readonly error?: readonly [string, string];
}

const { rows } = fixtureJson<{ readonly rows: readonly Row[] }>("regularizer-clip-names/resolve_dygraph_3.3.1.json");

/** One parameter of value 2 with gradient 3, one step with rate 0.5. */
function run(row: Row) {
  return utils.uniqueName.guard(() => {
    const attr = new ParamAttr({ initializer: new nn.initializer.Constant(2), ...argumentsOf(row.attr) });
    const p = createParameter([1], "float32", { attr })!;
    const parameters = row.group === null ? [p] : [{ params: [p], ...argumentsOf(row.group) }];
    const decay = row.weight_decay === null ? {} : { weightDecay: argument(row.weight_decay) };
    const opt = makeOptimizer(row.optimizer, { learningRate: 0.5, parameters, ...decay });
    const resolved = {
      regularizer: p.regularizer && String(p.regularizer),
      learning_rate: p.learningRate,
      stop_gradient: p.stopGradient,
      need_clip: p.needClip,
    };
    if (!p.stopGradient) sum(multiply(p, 3)).backward();
    opt.step();
    const settings = opt.settingsOf(p)!;
    const inForce = [String(settings.regularizer.value), settings.rate, String(settings.decoupledDecay?.value)];
    return { resolved, inForce, value: p.dataSync("float32") };
  });
}

/** Python tells the integer 0 from 0.0 and fails on it; JavaScript has one zero, which is Python's 0.0 and recorded as such. */
const isIntegerZero = (row: Row): boolean => row.group?.["weight_decay"] === 0 && row.error !== undefined;

const cases = rows
  .filter((row) => !isIntegerZero(row))
  .map((row) => {
    const { optimizer, weight_decay, attr, group } = row;
    return [JSON.stringify({ optimizer, weight_decay, attr, group }), row] as const;
  });

describe("strictPaddle", () => {
  beforeAll(() => setFlags({ strictPaddle: true }));
  afterAll(() => setFlags({ strictPaddle: false }));

  test.each(cases)("%s", (_, row) => {
    if (row.error) {
      expect(() => run(row)).toThrow(expect.objectContaining({ name: "InvalidArgumentError" }));
      return;
    }
    const { resolved, value } = run(row);
    expect(resolved).toEqual(row.resolved);
    expect(excess(value, [row.valueAfterOneStep!], 2e-6, 1e-7)).toBeLessThanOrEqual(0);
  });
});

describe("relaxed", () => {
  test.each(cases.filter(([, row]) => !row.error))("%s", (_, row) => {
    setFlags({ strictPaddle: true });
    const asPaddle = run(row).inForce;
    setFlags({ strictPaddle: false });
    const { inForce } = run(row);
    if (resolveDifference(row) === undefined) expect(inForce).toEqual(asPaddle);
    else expect(inForce).not.toEqual(asPaddle);
  });
});
