// Executor: runs Programs, compiled once for each signature of what is fed and fetched.

import { type DType, dtypes } from "../core/dtype.js";
import { awaitingLines, placeIn } from "../core/call-site.js";
import { InvalidArgumentError, nearest, NotFoundError, OarError, PreconditionNotMetError } from "../core/errors.js";
import { isNdArray, type NdArray } from "../core/nd-array.js";
import { fromNested } from "../core/nested.js";
import { checkOptions, describe, splitOptions } from "../core/options.js";
import { formatShape, type Shape, sizeOf } from "../core/shape.js";
import { type Engine, engine } from "../device/engine.js";
import type { VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { type Bounds, boundsOf, checkArray } from "../nn/functional/checks.js";
import { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { eagerly } from "../trace/bind.js";
import { fromArray, readArray, toArray, writeArray } from "../trace/eager.js";
import { scoped } from "../trace/handles.js";
import { Runnable } from "../trace/runnable.js";
import { makeRunnable, Segmented } from "../trace/segments.js";
import { publicExtent, Sizes } from "../core/extents.js";
import { defaultMainProgram, extending } from "./mode.js";
import { formatOp } from "./print.js";
import { Program } from "./program.js";
import { neededOps } from "./prune.js";
import { withRates } from "./rates.js";
import { globalScope, type Scope, scopeGuard } from "./scope.js";
import { variantOf } from "./variants.js";

/** What may be fed for a variable. */
export type Feed = number | boolean | readonly unknown[] | NdArray | ArrayBufferView | Tensor;

/** Options of {@link Executor.run}. */
export interface RunOptions {
  readonly program?: Program | CompiledProgram | null | undefined;
  readonly feed?: Readonly<Record<string, Feed>> | null | undefined;
  /** Variables or their names; `NAME@GRAD` names a gradient. */
  readonly fetchList?: Tensor | string | readonly (Tensor | string)[] | null | undefined;
  readonly feedVarName?: string | undefined;
  readonly fetchVarName?: string | undefined;
  readonly scope?: Scope | null | undefined;
  /** False: results are Tensors instead of NdArrays. */
  readonly returnNumpy?: boolean | undefined;
  readonly useProgramCache?: boolean | undefined;
  readonly usePrune?: boolean | undefined;
}

const runKeys = [
  "program",
  "feed",
  "fetchList",
  "feedVarName",
  "fetchVarName",
  "scope",
  "returnNumpy",
  "useProgramCache",
  "usePrune",
] as const;

/** What can be run; null is the default main Program. */
type Runs = Program | CompiledProgram | null | undefined;

/** A Program compiled for one signature. */
interface Compiled {
  /** Takes what is fed, gives what is fetched. */
  run(feeds: readonly NdArray[]): NdArray[];
  dispose(): void;
  scope: Scope;
  /** What fed numbers must be: the place of the feed, and its bounds. */
  checks: readonly { readonly feed: number; readonly bounds: Bounds }[];
}

/**
 * Runs static Programs. Each distinct combination of fed shapes and fetched variables is compiled whole, once; a run is then one call
 * into the engine. Calls queue in order.
 *
 * @example
 * ```ts
 * import { disableStatic, enableStatic, mean, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * const loss = static_.programGuard(main, startup, () => mean(static_.nn.fc(static_.data("x", [-1, 4]), 2)));
 * const exe = new static_.Executor();
 * await exe.run(startup);
 * const [value] = await exe.run(main, { feed: { x: [[1, 2, 3, 4]] }, fetchList: [loss] });
 * disableStatic();
 * ```
 */
export class Executor {
  private readonly cache = new Map<string, Compiled>();
  private queue: Promise<unknown> = Promise.resolve();
  private closed = false;

  /** `place` is kept for Paddle's sake; there is one CPU device. */
  constructor(readonly place?: unknown) {}

  /**
   * Runs a Program (the default main one unless given) and gives what `fetchList` names, in order.
   *
   * @throws NotFoundError for a fed or fetched name the Program does not have, or a parameter before startup; InvalidArgumentError for
   * a shape or dtype that does not fit the declaration; PreconditionNotMetError after `close`.
   */
  run(program: Runs, options: RunOptions & { readonly returnNumpy: false }): Promise<Tensor[]>;
  run(options: RunOptions & { readonly returnNumpy: false }): Promise<Tensor[]>;
  run(program?: Runs | RunOptions, options?: RunOptions): Promise<NdArray[]>;
  async run(...args: [program?: Runs | RunOptions, options?: RunOptions]): Promise<(NdArray | Tensor)[]> {
    const options = splitOptions<RunOptions>("Executor.run", args, runKeys);
    const scope = options.scope ?? globalScope();
    const turn = this.queue.then(() => this.runNow(options, scope));
    this.queue = turn.catch(() => undefined);
    try {
      return await turn;
    } catch (error) {
      throw called(error, awaitingLines(Executor.prototype.run));
    }
  }

  /** Frees compiled Programs; the executor cannot run any more. */
  close(): void {
    this.closed = true;
    for (const compiled of this.cache.values()) compiled.dispose();
    this.cache.clear();
  }

  private runNow(options: RunOptions, scope: Scope): (NdArray | Tensor)[] {
    if (this.closed)
      throw new PreconditionNotMetError("the executor was closed.", { op: "Executor.run", hint: "make another." });
    const given = programFrom(options);
    if (given.initial.size > 0) runStartup(given, scope);
    const wanted = options.fetchList ?? [];
    const list = typeof wanted === "string" || wanted instanceof Tensor ? [wanted] : wanted;
    if (list.length === 0 && given.initial.size > 0 && given.trace.beforeRun.length === 0) return [];
    const program = variantOf(given, (make) => scopeGuard(scope, () => extending(given, make)));
    const fetch = list.map((f) => fetched(given, program, f));
    const feeds = readFeeds(program, options.feed ?? {});
    const on = engine();
    const compiled = this.compiledFor(on, program, feeds, fetch, scope, options.usePrune ?? false);
    compiled.scope = scope;
    for (const { feed, bounds } of compiled.checks) checkArray(feeds[feed]!.array, bounds, feeds[feed]!.desc.name);
    const { trace } = program;
    for (const action of trace.beforeRun) action();
    withRates(given, scope, () => {
      for (const s of trace.scalars) on.heap.views.f32[s.holder.storage!.address / 4] = s.read();
    });
    const arrays = compiled.run(feeds.map((f) => f.array));
    if (trace.beforeRun.length > 0) given.stepCount++;
    return options.returnNumpy === false ? eagerly(() => arrays.map((array) => toTensor(array))) : arrays;
  }

  private compiledFor(
    on: Engine,
    program: Program,
    feeds: readonly FedArray[],
    fetch: readonly VarDesc[],
    scope: Scope,
    prune: boolean,
  ): Compiled {
    const signature = feeds.map((f) => `${f.desc.name}${formatShape(f.array.shape)}`).join();
    const outputs = fetch.map((d) => d.name).join();
    const key = `${program.id}:${program.block.ops.length}${prune ? "p" : ""}|${signature}|${outputs}`;
    let compiled = this.cache.get(key);
    if (!compiled) {
      compiled = compileProgram(on, program, feeds, fetch, scope, prune);
      this.cache.set(key, compiled);
    }
    return compiled;
  }
}

/** An error of a run with the line that awaits it, which the stack of a queued call does not have. */
function called(error: unknown, lines: readonly string[]): unknown {
  if (!(error instanceof OarError) || lines.length === 0) return error;
  const noted = error.noted("Called", placeIn(lines[0]!));
  noted.stack = `${noted.stack}\n${lines.join("\n")}`;
  return noted;
}

function programFrom({ program }: RunOptions): Program {
  const given = program ?? defaultMainProgram();
  const inner: unknown = given instanceof CompiledProgram ? given.program : given;
  if (inner instanceof Program) return inner;
  throw new InvalidArgumentError(`takes a Program, got ${describe(program)}.`, { op: "Executor.run" });
}

function compileProgram(
  on: Engine,
  program: Program,
  feeds: readonly FedArray[],
  fetch: readonly VarDesc[],
  scope: Scope,
  prune: boolean,
): Compiled {
  const sizes = new Sizes();
  for (const { desc, array } of feeds) sizes.learn(desc.name, desc.shape, array.shape);
  const fed = new Map(feeds.map((f) => [f.desc, f.array.shape]));
  const compiled = { scope } as { -readonly [K in keyof Compiled]: Compiled[K] };
  const ops = neededOps(program.block.ops, fetch, !prune);
  const used = new Set<VarDesc>(fetch);
  for (const op of ops) for (const o of op.operands) if (typeof o === "object") used.add(o);
  const missing = [...used].find((d) => d.isInput && !fed.has(d));
  if (missing) {
    throw new InvalidArgumentError(`"${missing.name}" is needed and was not fed.`, {
      op: "Executor.run",
      name: missing.name,
      hint: `feed: { ${missing.name}: … }`,
    });
  }
  compiled.checks = feeds.flatMap(({ desc }, feed) =>
    used.has(desc) ? boundsOf(desc).map((bounds) => ({ feed, bounds })) : [],
  );
  const persistent = [...program.persistables].filter(([, d]) => used.has(d));
  for (const [name] of persistent) scope.require(name);
  const captured = [...used].filter((d) => d.captured?.storage);
  const runnable = makeRunnable(on, {
    ops,
    inputs: feeds.map((f) => f.desc),
    captures: [
      ...persistent.map(([name, desc]) => ({ desc, tensor: (): Value => compiled.scope.require(name) })),
      ...captured.map((desc) => ({ desc, tensor: () => desc.captured! })),
    ],
    outputs: fetch,
    shapeOf: (desc) => fed.get(desc) ?? sizes.shape(desc.shape),
    resize: {
      number: (n) => sizes.number(n),
      attrs: (attrs) => sizes.attrs(attrs),
      learn: (written, actual) => sizes.learnDerived(written, actual),
      failed: (op, error) => (error instanceof OarError ? error.noted("Operator", formatOp(op)) : error),
    },
    api: "Executor.run",
  });
  return Object.assign(compiled, runnable instanceof Segmented ? cut(runnable) : whole(on, runnable, feeds));
}

/** Runs as one call, from and to memory of its own. */
function whole(on: Engine, runnable: Runnable, feeds: readonly FedArray[]): Pick<Compiled, "run" | "dispose"> {
  const room = (dtype: DType, shape: Shape): number => on.heap.alloc(Math.max(64, sizeOf(shape) * dtypes[dtype].bytes));
  const inputs = feeds.map(({ desc, array }) => room(desc.dtype, array.shape));
  const types = runnable.outputTypes;
  const outputs = types.map((t) => room(t.dtype, t.shape));
  return {
    run: (arrays) => {
      arrays.forEach((array, i) => writeArray(on, array, inputs[i]!));
      runnable.runInto(inputs, outputs);
      return types.map((t, i) => readArray(on, t.dtype, t.shape, runnable.outputAddress(i)));
    },
    dispose: () => {
      runnable.dispose();
      for (const address of [...inputs, ...outputs]) on.heap.free(address);
    },
  };
}

/** Runs in parts, between which sizes are read: how large results are is known when they are there. */
const cut = (segmented: Segmented): Pick<Compiled, "run" | "dispose"> => ({
  run: (arrays) => scoped(() => segmented.within(arrays.map(fromArray), (outputs) => outputs.map(toArray))),
  dispose: () => segmented.dispose(),
});

/** Runs a startup Program: every first value goes into the scope. */
function runStartup(program: Program, scope: Scope): void {
  const on = engine();
  const descs = [...program.initial.values()];
  const ops = neededOps(program.block.ops, descs, true);
  const captures = [...program.block.vars.values()].flatMap((desc) =>
    desc.captured?.storage ? [{ desc, tensor: () => desc.captured! }] : [],
  );
  const runnable = new Runnable(on, { ops, inputs: [], captures, outputs: descs, api: "Executor.run" });
  const values = runnable.run([]);
  [...program.initial.keys()].forEach((name, i) => {
    const value = values[i]!;
    const shared = descs[i]!.captured !== undefined || descs.indexOf(descs[i]!) !== i;
    const own = (shared ? fromArray(toArray(value)) : value) as Tensor;
    own.name = name;
    own.persistable = true;
    scope.var(name).tensor = own;
  });
  runnable.dispose();
}

/** A program wrapped for Paddle's sake: the executor compiles every Program. */
export class CompiledProgram {
  constructor(readonly program: Program) {}
}

function fetched(given: Program, program: Program, f: Tensor | string): VarDesc {
  if (typeof f === "string") return fetchedByName(given, program, f);
  const desc = f instanceof Tensor ? (f.symbol as VarDesc | undefined) : undefined;
  if (!desc) {
    throw new InvalidArgumentError(`fetchList takes variables or names, got ${describe(f)}.`, { op: "Executor.run" });
  }
  if (desc.persistable) return fetchedByName(given, program, desc.name);
  const known = program.renamed.get(desc) ?? desc;
  if (program.trace.owns(known)) return known;
  // A gradient that is another variable's, too.
  return fetchedByName(given, program, desc.name);
}

function fetchedByName(given: Program, program: Program, name: string): VarDesc {
  const persistent = program.trace.latest.get(name) ?? program.persistables.get(name);
  const found = persistent ?? program.gradients.get(name) ?? (program.find(name)?.symbol as VarDesc | undefined);
  if (found) return found;
  if (program !== given && given.find(name)) {
    throw new NotFoundError(`"${name}" is not computed with the settings of parameters now in force.`, {
      op: "Executor.run",
      name,
    });
  }
  const near = nearest(name, [...program.block.vars.keys(), ...program.gradients.keys()]);
  const inside = given.blocks.slice(1).some((block) => block.vars.has(name));
  throw new NotFoundError(`the Program has no variable "${name}" to fetch; it was not built in it, or it was pruned.`, {
    op: "Executor.run",
    name,
    hint: inside ? "it is made in a branch or a loop: return it from there." : near && `did you mean "${near}"?`,
  });
}

interface FedArray {
  readonly desc: VarDesc;
  readonly array: NdArray;
}

function readFeeds(program: Program, feed: Readonly<Record<string, Feed>>): FedArray[] {
  return Object.entries(checkOptions("Executor.run feed", feed, Object.keys(feed))).map(([name, value]) => {
    const desc = program.block.vars.get(name);
    if (!desc?.isInput) {
      const inputs = [...program.block.vars.values()].filter((d) => d.isInput).map((d) => d.name);
      throw new NotFoundError(`"${name}" is no input of the Program.`, {
        op: "Executor.run",
        name,
        hint: `its inputs are ${inputs.join(", ") || "none"}.`,
      });
    }
    return { desc, array: feedArray(desc, value) };
  });
}

function feedArray(desc: VarDesc, value: Feed): NdArray {
  if (value instanceof Tensor && value.symbol) {
    throw new InvalidArgumentError(`"${desc.name}" was fed a Variable, which has no data.`, {
      op: "Executor.run",
      name: desc.name,
    });
  }
  const array = asArray(desc, value);
  if (array.dtype !== desc.dtype) {
    throw new InvalidArgumentError(`"${desc.name}" is declared ${desc.dtype} and was fed ${array.dtype}.`, {
      op: "Executor.run",
      name: desc.name,
      declared: desc.dtype,
      fed: array.dtype,
    });
  }
  const declared = Array.from(desc.shape, publicExtent);
  const fits = declared.length === array.shape.length && declared.every((n, i) => n === -1 || n === array.shape[i]);
  if (!fits) {
    throw new InvalidArgumentError(
      `"${desc.name}" is declared ${formatShape(declared)} and was fed ${formatShape(array.shape)}.`,
      {
        op: "Executor.run",
        name: desc.name,
        declared,
        fed: array.shape,
      },
    );
  }
  return array;
}

function asArray(desc: VarDesc, value: Feed): NdArray {
  if (value instanceof Tensor) return toArray(value);
  if (isNdArray(value)) return value;
  if (ArrayBuffer.isView(value)) return toArray(toTensor(value as Float32Array));
  return fromNested(value, desc.dtype);
}
