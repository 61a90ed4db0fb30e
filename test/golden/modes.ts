// One training run in three modes: dynamic, compiled and static, with a look at values between steps.

import {
  disableStatic,
  enableStatic,
  type incubate,
  jit,
  type nn,
  type optimizer,
  static as static_,
  toTensor,
  utils,
} from "oarjs";
import type { Tensor } from "oarjs";

/** The three ways to run. */
export const modes = ["dynamic", "compiled", "static"] as const;
export type Mode = (typeof modes)[number];

/** What is trained: a network, its loss, and how. */
export interface Setup<N extends nn.Layer> {
  readonly make: () => N;
  readonly loss: (net: N, x: Tensor, y: Tensor) => Tensor;
  readonly optimizer: (net: N) => optimizer.Optimizer;
  /** Averages parameters, if wanted: made after the optimizer has minimized. */
  readonly average?: (net: N) => incubate.ModelAverage;
  /** Shapes of x and y, the batch left out; x may be numbers of rows. */
  readonly inputs: readonly [x: readonly number[], y: readonly number[], xDtype?: "float32" | "int64"];
}

/** A run that goes on. */
export interface Run<N extends nn.Layer> {
  readonly net: N;
  readonly opt: optimizer.Optimizer;
  readonly average: incubate.ModelAverage | undefined;
  /** The Program, in static mode. */
  readonly program: static_.Program | undefined;
  readonly scope: static_.Scope | undefined;
  readonly exe: static_.Executor | undefined;
  /** How often the step was captured, in compiled mode. */
  readonly captures: (() => number) | undefined;
  /** One step; gives the loss. */
  step(x: unknown, y: unknown): Promise<number>;
  /** A parameter's or a piece of state's elements. */
  value(name: string): Float32Array;
  /** Names of the optimizer's state. */
  stateNames(): string[];
}

/** Builds a run in a name scope of its own. */
export async function start<N extends nn.Layer>(mode: Mode, s: Setup<N>): Promise<Run<N>> {
  return mode === "static" ? staticRun(s) : eagerRun(s, mode === "compiled");
}

function eagerRun<N extends nn.Layer>(s: Setup<N>, compiled: boolean): Run<N> {
  const { net, opt, average } = utils.uniqueName.guard(() => {
    const net = s.make();
    return { net, opt: s.optimizer(net), average: s.average?.(net) };
  });
  const eager = (x: Tensor, y: Tensor): Tensor => {
    const loss = s.loss(net, x, y);
    loss.backward();
    opt.step();
    average?.step();
    opt.clearGrad();
    return loss;
  };
  const captured = compiled ? jit.compile(eager) : undefined;
  const state = (): Record<string, Tensor> => {
    const { LR_Scheduler: _, "StepCount@@": __, ...rest } = { ...opt.stateDict(), ...average?.stateDict() };
    return rest as Record<string, Tensor>;
  };
  const parameters = (): Map<string, Tensor> => new Map(net.parameters().map((p) => [p.name, p]));
  return {
    net,
    opt,
    average,
    program: undefined,
    scope: undefined,
    exe: undefined,
    captures: captured?.variants,
    async step(x, y) {
      const dtype = s.inputs[2] ?? "float32";
      const loss = utils.uniqueName.guard(() =>
        (captured ?? eager)(toTensor(x as never, { dtype }), toTensor(y as never)),
      );
      return loss.dataSync("float32")[0]!;
    },
    value: (name) => (parameters().get(name) ?? state()[name]!).dataSync() as Float32Array,
    stateNames: () => Object.keys(state()),
  };
}

async function staticRun<N extends nn.Layer>(s: Setup<N>): Promise<Run<N>> {
  enableStatic();
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const [x, y, dtype = "float32"] = s.inputs;
  const { net, opt, average, loss } = utils.uniqueName.guard(() =>
    static_.programGuard(main, startup, () => {
      const net = s.make();
      const loss = s.loss(net, static_.data("x", [-1, ...x], dtype), static_.data("y", [-1, ...y]));
      const opt = s.optimizer(net);
      opt.minimize(loss);
      return { net, opt, average: s.average?.(net), loss };
    }),
  );
  const scope = new static_.Scope();
  const exe = new static_.Executor();
  await exe.run(startup, { scope });
  disableStatic();
  return {
    net,
    opt,
    average,
    program: main,
    scope,
    exe,
    captures: undefined,
    async step(a, b) {
      const feed = { x: a as number[], y: b as number[] };
      return (await exe.run(main, { scope, feed, fetchList: [loss] }))[0]!.data[0] as number;
    },
    value: (name) => scope.findVar(name)!.getTensor().numpy().data as Float32Array,
    stateNames: () => scope.names().filter((n) => !main.parameters.has(n) && !n.startsWith("learning_rate")),
  };
}
