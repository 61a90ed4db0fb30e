// Ops: updates of Paddle's incubating optimizers: momentum with a rate for each layer (LARS), and the slow weights of LookAhead.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { scalar } from "../program/op.js";
import { defineUpdate } from "./optimizer-update.js";

/**
 * `v = mu v + rate (g + decay param); param -= v` with `g = rescale grad` and
 * `rate = lr coefficient |param| / (|g| + decay |param| + epsilon)`, or lr where decay or a norm is 0 (You, Gitman and Ginsburg, 2017).
 */
export const larsMomentumOp = defineUpdate({
  name: "lars_momentum_",
  arrays: ["velocity"],
  scalars: ["param_square", "grad_square"],
  attrs: {
    mu: scalar(0.9),
    coefficient: scalar(0.001),
    weight_decay: scalar(0.0005),
    epsilon: scalar(0),
    rescale: scalar(1),
  },
  result: "param",
  update: (k, { param, grad, lr, velocity, param_square, grad_square }, a) => {
    const size = k.sqrt(param_square);
    const length = k.mul(k.sqrt(grad_square), a.rescale);
    const scaled = k.div(
      k.mul(k.mul(lr, a.coefficient), size),
      k.add(k.add(length, k.mul(a.weight_decay, size)), a.epsilon),
    );
    const adapts = k.and(k.and(k.gt(size, 0), k.gt(length, 0)), k.gt(a.weight_decay, 0));
    const step = k.mul(k.select(adapts, scaled, lr), k.add(k.mul(a.rescale, grad), k.mul(a.weight_decay, param)));
    const v = k.add(k.mul(a.mu, velocity), step);
    return { param: k.sub(param, v), velocity: v };
  },
  checks: [
    {
      attrs: { mu: 0.5, coefficient: 0.25, weight_decay: 0.5, epsilon: 0.125, rescale: 0.5 },
      scalars: { param_square: 4, grad_square: 16 },
      reference: ({ param, grad, lr, velocity }) => {
        const v = 0.5 * velocity! + ((lr! * 0.25 * 2) / (2 + 1 + 0.125)) * (0.5 * grad! + 0.5 * param!);
        return { param: param! - v, velocity: v };
      },
    },
    {
      attrs: { mu: 0.5, coefficient: 0.25, weight_decay: 0, epsilon: 0, rescale: 1 },
      scalars: { param_square: 4, grad_square: 16 },
      reference: ({ param, grad, lr, velocity }) => {
        const v = 0.5 * velocity! + lr! * grad!;
        return { param: param! - v, velocity: v };
      },
    },
  ],
});

/**
 * Where `first` is not 0 the slow weights become the parameter; where `meet` is not 0 both become
 * `alpha param + (1 - alpha) slow` (Zhang et al., 2019).
 */
export const lookAheadOp = defineOp({
  name: "lookahead_",
  inputs: ["param", "slow", "first", "meet"],
  outputs: ["param_out", "slow_out"],
  attrs: { alpha: scalar(0.5) },
  infer: ({ param, slow }) => {
    if (!sameShape(param.shape, slow.shape))
      throw new InvalidArgumentError(
        `the parameter is ${formatShape(param.shape)} and its slow weights ${formatShape(slow.shape)}.`,
        { op: "lookahead_", param: param.shape, slow: slow.shape },
      );
    const compute = param.dtype === "float64" ? ("float64" as const) : ("float32" as const);
    return { outs: { param_out: param, slow_out: slow }, compute };
  },
  lower: (k, { param, slow, first, meet }, { alpha }) => {
    const from = k.select(k.ne(first, 0), param, slow);
    const mixed = k.add(k.mul(alpha, param), k.mul(k.sub(1, alpha), from));
    const meets = k.ne(meet, 0);
    return { param_out: k.select(meets, mixed, param), slow_out: k.select(meets, mixed, from) };
  },
  inplace: { param_out: "param", slow_out: "slow" },
  grad: null,
  check: {
    samples: [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ].map(([first, meet]) => ({
      inputs: [
        { shape: [3], data: [1, 2, 3] },
        { shape: [3], data: [5, 6, 8] },
        { shape: [], data: [first!] },
        { shape: [], data: [meet!] },
      ],
      attrs: { alpha: 0.25 },
      expect: () => {
        const slow = first ? [1, 2, 3] : [5, 6, 8];
        const mixed = slow.map((s, i) => 0.25 * (i + 1) + 0.75 * s);
        return [
          { shape: [3], data: meet ? mixed : [1, 2, 3] },
          { shape: [3], data: meet ? mixed : slow },
        ];
      },
    })),
    noGradCheck: "updates have no gradient",
  },
});
