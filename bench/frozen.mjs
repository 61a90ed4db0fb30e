// What freezing part of a network saves: milliseconds of a training step, compiled and in a Program, for each way to freeze.
//
//   npm run build && node bench/frozen.mjs
//
// On two cores of a Zen 4 machine with other work on them, the better of two runs (compiled, Program):
//   nothing 10.8 10.6 | freeze 3.4 1.8 | trainable 1.8 3.8 | stopGradient 3.7 2.1 | rate 0 1.9 1.8 | rate 0, counted 5.1 5.2
import { jit, nn, optimizer, seed, static as paddle, disableStatic, enableStatic, randn } from "oarjs";

const [batch, width, layers] = [64, 512, 6];
const ways = ["nothing", "freeze", "trainable", "stopGradient", "rate 0", "rate 0, counted"];

/** Six wide layers with batch norms; all but the last are the front. */
class Net extends nn.Layer {
  front;
  last;
  /** @param {string} way */
  constructor(way) {
    super("net");
    // A rate of 0 whose gradient the global norm counts needs the gradient.
    const held = { learningRate: 0, needClip: way === "rate 0, counted" };
    const attr = way === "trainable" ? { trainable: false } : way.startsWith("rate 0") ? held : {};
    const both = { weightAttr: attr, biasAttr: attr };
    const one = () =>
      new nn.Sequential(new nn.Linear(width, width, both), new nn.BatchNorm1D(width, both), new nn.ReLU());
    this.front = new nn.Sequential(...Array.from({ length: layers - 1 }, one));
    this.last = new nn.Linear(width, 10);
    this.way = way;
    if (way === "freeze") this.freeze("front");
  }
  /** @override @param {import("oarjs").Tensor} x */
  forward(x) {
    const h = this.front(x);
    if (this.way === "stopGradient") h.stopGradient = true;
    return this.last(h);
  }
}

/** @param {Net} net */
const make = (net) =>
  new optimizer.Momentum({
    learningRate: 1e-3,
    weightDecay: 1e-4,
    parameters: net.parameters(),
    gradClip: new nn.ClipGradByGlobalNorm(1),
  });

/** @param {() => unknown} step */
async function best(step) {
  for (let i = 0; i < 50; i++) await step();
  let least = Infinity;
  for (let chunk = 0; chunk < 30; chunk++) {
    const start = performance.now();
    for (let i = 0; i < 10; i++) await step();
    least = Math.min(least, (performance.now() - start) / 10);
  }
  return least;
}

/** @param {string} way */
async function compiled(way) {
  seed(1);
  const net = new Net(way);
  const opt = make(net);
  const step = jit.compile((/** @type {import("oarjs").Tensor} */ x) => {
    const loss = net(x).square().mean();
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  const x = randn([batch, width]);
  for (let i = 0; i < 5; i++) step(x);
  await step.ready();
  return best(() => step(x));
}

/** @param {string} way */
async function inProgram(way) {
  const feed = { x: randn([batch, width]) };
  enableStatic();
  const [main, startup] = [new paddle.Program(), new paddle.Program()];
  const loss = paddle.programGuard(main, startup, () => {
    const net = new Net(way);
    const value = net(paddle.data("x", [batch, width]))
      .square()
      .mean();
    make(net).minimize(value);
    return value;
  });
  const [exe, scope] = [new paddle.Executor(), new paddle.Scope()];
  await exe.run(startup, { scope });
  disableStatic();
  const step = () => exe.run(main, { scope, feed, fetchList: [loss] });
  for (let i = 0; i < 5; i++) await step();
  await new Promise((done) => setTimeout(done, 3000));
  return best(step);
}

for (const way of ways) {
  const [a, b] = [await compiled(way), await inProgram(way)];
  console.log(`${way.padEnd(16)} ${a.toFixed(3).padStart(8)} ${b.toFixed(3).padStart(8)}`);
}
