// Tests of LeNet: names, shapes and counts as Paddle's.

import { describe, expect, it } from "vitest";
import "../../tensor/index.js";
import { ones } from "../../tensor/index.js";
import { LeNet } from "./lenet.js";

describe("LeNet", () => {
  it("has Paddle's names and 61 610 parameters", () => {
    const state = new LeNet().stateDict();
    const layers = ["features.0", "features.3", "fc.0", "fc.1", "fc.2"];
    expect(Object.keys(state)).toEqual(layers.flatMap((name) => [`${name}.weight`, `${name}.bias`]));
    expect(Object.values(state).reduce((sum, p) => sum + p.size, 0)).toBe(61_610);
  });

  it("gives scores, or features where there are no classes", () => {
    expect(new LeNet(7)(ones([2, 1, 28, 28])).shape).toEqual([2, 7]);
    expect(new LeNet({ numClasses: 0 })(ones([2, 1, 28, 28])).shape).toEqual([2, 16, 5, 5]);
  });
});
