// W8: a compiled fc 4 -> 2 from host arrays to host arrays, forward and as a training step.
import { disableStatic, enableStatic, ndArray, nn, optimizer, static as programs, utils } from "oarjs";
import { emit, time } from "./common.mjs";

const { Executor, Program, Scope, data, programGuard } = programs;
const weight = ndArray(
  "float32",
  [4, 2],
  Float32Array.from({ length: 8 }, (_, i) => i / 10),
);

/**
 * Builds the Program; `train` adds a loss and a real update.
 * @param {boolean} train
 */
async function build(train) {
  const [main, startup, scope] = [new Program(), new Program(), new Scope()];
  enableStatic();
  const fetched = utils.uniqueName.guard(() =>
    programGuard(main, startup, () => {
      const x = data("x", [1, 4]);
      const fc = new nn.Linear(4, 2, { weightAttr: { initializer: new nn.initializer.Assign(weight) } });
      const out = fc(x);
      if (!train) return out;
      const loss = nn.functional.mseLoss(out, data("y", [1, 2]));
      new optimizer.SGD({ learningRate: 1e-9 }).minimize(loss);
      return loss;
    }),
  );
  disableStatic();
  const exe = new Executor();
  await exe.run(startup, { scope });
  const x = ndArray("float32", [1, 4], Float32Array.of(1, 2, 3, 4));
  const y = ndArray("float32", [1, 2], Float32Array.of(0.5, -0.5));
  const feed = train ? { x, y } : { x };
  return () => exe.run(main, { scope, feed, fetchList: [fetched] });
}

for (const [metric, train] of /** @type {const} */ ([
  ["fc_forward", false],
  ["fc_train", true],
])) {
  const run = await build(train);
  const [first] = await run();
  for (let i = 0; i < 20; i++) await run();
  await new Promise((done) => setTimeout(done, 1500));
  const { median, best } = await time(run, () => undefined, { wait: true });
  emit(metric, median * 1e6, "us/run", { best: best * 1e6, loss_trace: [Number(first?.data[0])] });
}
