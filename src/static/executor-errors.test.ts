// What Executor.run refuses: the error's class, its text, and the user's line in it.

import { afterAll, beforeAll, expect, test } from "vitest";
import { InvalidArgumentError, NotFoundError, OarError, OutOfRangeError } from "../core/errors.js";
import { crossEntropy, embedding as lookUp } from "../nn/functional/index.js";
import { SGD } from "../optimizer/sgd.js";
import { uniqueName } from "../param/unique-name.js";
import { add, matmul, mean, ones, reshape } from "../tensor/index.js";
import * as static_ from "./index.js";

const { Executor, Program, Scope, data, programGuard } = static_;

beforeAll(() => static_.enableStatic());
afterAll(() => static_.disableStatic());

/** x `[-1, 4]` and z `[-1, 4]`, a mean of a layer of x, a sum of both. */
function build() {
  const [main, startup] = [new Program(), new Program()];
  const made = uniqueName.guard(() =>
    programGuard(main, startup, () => {
      const [x, z] = [data("x", [-1, 4]), data("z", [-1, 4])];
      const hidden = static_.nn.fc(x, 3);
      return { hidden, loss: mean(hidden), total: add(x, z) };
    }),
  );
  return { main, startup, ...made };
}

const row = [[1, 2, 3, 4]];

async function errorOf(run: () => Promise<unknown>): Promise<OarError> {
  const error = await run().then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(OarError);
  return error as OarError;
}

test("errors of a run name the line that awaits it", async () => {
  const { main, startup, loss } = build();
  const exe = new Executor();
  const scope = new Scope();
  const own = /\[Called: .*executor-errors\.test\.ts:\d+:\d+\]$/;
  const early = await errorOf(async () => {
    await exe.run(main, { feed: { x: row }, fetchList: [loss], scope });
  });
  expect(early).toBeInstanceOf(NotFoundError);
  expect(early.message).toMatch(/no value for "fc_0.w_0"/);
  expect(early.message).toMatch(/run the startup program first/);
  expect(early.message).toMatch(own);
  expect(early.stack).toMatch(/ at .*executor-errors\.test\.ts/);
  await exe.run(startup, { scope });
  const cases: [Parameters<static_.Executor["run"]>[1], typeof NotFoundError | typeof InvalidArgumentError, RegExp][] =
    [
      [{ feed: { x: [[1]] } }, InvalidArgumentError, /"x" is declared \[-1, 4\] and was fed \[1, 1\]/],
      [{ feed: { x: new Int32Array(4) } }, InvalidArgumentError, /"x" is declared float32 and was fed int32/],
      [{ feed: { y: row } }, NotFoundError, /"y" is no input of the Program/],
      [{ feed: {} }, InvalidArgumentError, /"x" is needed and was not fed/],
      [{ feed: { x: row }, fetchList: "fc_0.tmp_7" }, NotFoundError, /did you mean "fc_0.tmp_0"/],
    ];
  for (const [options, kind, text] of cases) {
    const error = await errorOf(async () => {
      await exe.run(main, { fetchList: [loss], scope, ...options });
    });
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(text);
    expect(error.message).toMatch(own);
  }
});

test("sizes that do not fit when they are fed name the operator", async () => {
  const { main, total } = build();
  const error = await errorOf(() =>
    new Executor().run(main, { feed: { x: [...row, ...row], z: [...row, ...row, ...row] }, fetchList: total }),
  );
  expect(error.message).toMatch(/\[add\] operands do not broadcast: x is \[2, 4\], y is \[3, 4\]/);
  expect(error.message).toMatch(/\[Operator: add.tmp_\d+: float32\[-1, 4\] = add\(x, z\)\]/);
});

test("class numbers that are fed are looked at before they are run", async () => {
  const [main, startup] = [new Program(), new Program()];
  const [rows, loss] = programGuard(main, startup, () => {
    const [ids, label] = [data("ids", [-1], "int64"), data("label", [-1, 1], "int64")];
    const table = ones([5, 2]);
    return [lookUp(ids, table), crossEntropy(data("x", [-1, 3]), label)];
  });
  const exe = new Executor();
  const past = await errorOf(() => exe.run(main, { feed: { ids: [1, 5] }, fetchList: rows }));
  expect(past).toBeInstanceOf(OutOfRangeError);
  expect(past.message).toMatch(/\[embedding\] 5 is outside \[0, 5\)\.\n {2}\[Hint: it was fed to "ids"\.\]/);
  const feed = { x: [[1, 2, 3]], label: [[3]] };
  expect((await errorOf(() => exe.run(main, { feed, fetchList: loss }))).fields["name"]).toBe("label");
  // ignoreIndex, and what nothing that runs reads, are no errors.
  await exe.run(main, { feed: { ...feed, label: [[-100]] }, fetchList: loss });
  await exe.run(main, { feed: { ...feed, label: [[1]], ids: [9] }, fetchList: loss, usePrune: true });
});

test("a single variable, a name, and null for the default Program are taken as Paddle takes them", async () => {
  const { main, startup, loss } = build();
  const exe = new Executor();
  const scope = new Scope();
  await exe.run(startup, { scope });
  const feed = { x: row };
  const [listed] = await exe.run(main, { feed, fetchList: [loss], scope });
  expect(await exe.run(main, { feed, fetchList: loss, scope })).toEqual([listed]);
  expect(await exe.run(main, { feed, fetchList: loss.name!, scope })).toEqual([listed]);
  await expect(exe.run(null, { feed: null, fetchList: null, scope: null })).resolves.toEqual([]);
});

test("no stand-in of an unknown extent shows in a message", () => {
  programGuard(new Program(), () => {
    const x = data("x", [-1, 4]);
    const said = (fn: () => unknown): string => {
      try {
        fn();
      } catch (error) {
        return (error as Error).message;
      }
      return "nothing";
    };
    expect(said(() => matmul(x, data("y", [-1, 2])))).toMatch(/4 must equal -1/);
    expect(said(() => add(x, ones([2, 4])))).toMatch(/axis -2 has -1 and 2/);
    expect(said(() => reshape(x, [3, 5]))).toMatch(/an unknown number of and 15 elements/);
  });
});

test("a Program whose parameters are all frozen runs forward only, and trains again when they are not", async () => {
  const { main, startup, loss } = build();
  const sgd = new SGD({ learningRate: 0.1 });
  programGuard(main, startup, () => sgd.minimize(loss));
  const exe = new Executor();
  const scope = new Scope();
  await exe.run(startup, { scope });
  const step = async (): Promise<number> =>
    Number((await exe.run(main, { feed: { x: row }, fetchList: loss, scope }))[0]!.data[0]);
  const first = await step();
  for (const p of main.allParameters()) p.trainable = false;
  const second = await step();
  expect(second).toBeLessThan(first);
  expect(await step()).toBe(second);
  expect([main.stepCount, sgd.stepCount]).toEqual([1, 1]);
  for (const p of main.allParameters()) p.trainable = true;
  expect(await step()).toBe(second);
  expect(await step()).toBeLessThan(second);
  expect(main.variants).toBe(2);
});

test("scopeGuard refuses what would end after it; static.data outside static mode; minimize by unknown names", () => {
  const { main, startup, loss } = build();
  expect(() => static_.scopeGuard(new Scope(), (async () => 1) as never)).toThrow(/exe\.run\(program, \{ scope \}\)/);
  static_.disableStatic();
  expect(() => data("q", [1])).toThrow(/static mode is off/);
  static_.enableStatic();
  programGuard(main, startup, () => {
    const sgd = new SGD({ learningRate: 0.1 });
    expect(() => sgd.minimize(loss, { parameters: ["nope"] })).toThrow(/no variable "nope"/);
    expect(() => sgd.minimize(loss, { parameterList: [] } as object)).toThrow(/no option "parameterList"/);
    const [, pairs] = sgd.minimize(loss, { parameters: ["fc_0.w_0"] });
    expect(pairs.map(([p]) => p.name)).toEqual(["fc_0.w_0"]);
  });
});
