// Replays recorded calls on the package's public surface and compares what comes back.

import * as oar from "oarjs";
import {
  bfloatToNumber,
  type Case,
  type Corpus,
  halfToNumber,
  type Recorded,
  type RecordedCall,
  type TensorRef,
} from "./corpus.js";

type Tensor = oar.Tensor;
type Callable = (...args: unknown[]) => unknown;

/** Why a case failed. */
class Mismatch extends Error {}

/** What a case gave: undefined when it passed. */
export type Outcome = string | undefined;

const isTensor = (x: unknown): x is Tensor => x instanceof oar.Tensor;

/** Decodes recorded values and remembers the tensors whose gradients are wanted. */
class Decoder {
  readonly leaves = new Map<string, Tensor>();

  constructor(
    private readonly corpus: Corpus,
    private readonly wanted: ReadonlySet<string>,
  ) {}

  tensor(ref: TensorRef, at: string): Tensor {
    const needs = this.wanted.has(at);
    const t = oar.toTensor({ dtype: ref.dtype, shape: [...ref.shape], data: this.corpus.array(ref) } as never, {
      stopGradient: !needs,
    });
    if (needs) this.leaves.set(at, t);
    return t;
  }

  value(v: Recorded, at: string): unknown {
    if (Array.isArray(v)) return v.map((x: Recorded, i) => this.value(x, `${at}.${i}`));
    if (v === null || typeof v !== "object") return v;
    const o = v as Readonly<Record<string, unknown>>;
    if (o["$t"]) return this.tensor(o["$t"] as TensorRef, at);
    if (o["$dtype"]) return o["$dtype"];
    if (o["$f"]) return special(o["$f"] as string);
    if (o["$slice"]) {
      const [start, stop, step] = o["$slice"] as (number | null)[];
      return Object.fromEntries(Object.entries({ start, stop, step }).filter(([, n]) => n !== null));
    }
    if (o["$layer"]) {
      const layer = o["$layer"] as RecordedCall;
      const Class = lookup(layer.path).fn as unknown as new (...args: unknown[]) => unknown;
      return new Class(...this.args(layer, `${at}.layer.`));
    }
    throw new Error(`unknown recorded value ${JSON.stringify(v)}`);
  }

  args(call: RecordedCall, prefix = ""): unknown[] {
    const out = call.positional.map((v, i) => this.value(v, `${prefix}positional.${i}`));
    const keys = Object.keys(call.options);
    if (keys.length > 0)
      out.push(Object.fromEntries(keys.map((k) => [k, this.value(call.options[k]!, `${prefix}options.${k}`)])));
    return out;
  }
}

const special = (name: string): number => (name === "nan" ? Number.NaN : name === "inf" ? Infinity : -Infinity);

function lookup(path: readonly string[]): { self: unknown; fn: Callable } {
  let self: unknown = oar;
  let at: unknown = oar;
  for (const key of path) {
    self = at;
    at = (at as Record<string, unknown> | undefined)?.[key];
    if (at === undefined || at === null) throw new Mismatch(`missing: ${path.join(".")}`);
  }
  if (typeof at !== "function") throw new Mismatch(`missing: ${path.join(".")}`);
  return { self, fn: at as Callable };
}

/** Where a call stands, to tell its own errors from those before and after. */
interface Progress {
  at: "prepare" | "ctor" | "call" | "read";
}

interface Invoked {
  readonly result: unknown;
  readonly layer?: oar.nn.Layer;
}

async function invoke(c: Case, d: Decoder, grad: boolean, progress: Progress): Promise<Invoked> {
  const run = async (fn: () => unknown): Promise<unknown> => {
    progress.at = "call";
    const result = await fn();
    progress.at = "read";
    return result;
  };
  if (c.kind === "layer") return invokeLayer(c, d, run, progress);
  const args = d.args(c.call);
  const copies = grad && (c.kind === "setitem" || /[^_]_$/.test(c.api));
  if (copies && isTensor(args[0])) args[0] = args[0].clone();
  if (c.kind === "getitem" || c.kind === "setitem") {
    const x = args[0] as Tensor;
    const items = c.index!.map((v, i) => d.value(v, `index.${i}`)) as Parameters<Tensor["at"]>;
    if (c.kind === "getitem") return { result: await run(() => x.at(...items)) };
    const value = d.value(c.value!, "value") as Tensor;
    await run(() => x.setAt(items, value));
    return { result: x };
  }
  if (c.kind === "method") {
    const [self, ...rest] = args;
    const fn = (self as Record<string, unknown>)[c.call.path[0]!];
    if (typeof fn !== "function") throw new Mismatch(`missing: Tensor.${c.call.path[0]}`);
    return { result: await run(() => Reflect.apply(fn, self, rest)) };
  }
  const { self, fn } = lookup(c.call.path);
  return { result: await run(() => Reflect.apply(fn, self, args)) };
}

async function invokeLayer(
  c: Case,
  d: Decoder,
  run: (fn: () => unknown) => Promise<unknown>,
  progress: Progress,
): Promise<Invoked> {
  const Class = lookup(c.call.path).fn as unknown as new (...args: unknown[]) => oar.nn.Layer;
  const given = d.args(c.ctor!, "ctor.");
  progress.at = "ctor";
  const layer = new Class(...given);
  progress.at = "prepare";
  const state = Object.fromEntries(Object.entries(c.state ?? {}).map(([k, r]) => [k, d.tensor(r.$t, "")]));
  if (Object.keys(state).length > 0) layer.setStateDict(state);
  if (c.train) layer.train();
  else layer.eval();
  const args = d.args(c.forward!);
  return { layer, result: await run(() => layer.forward(...args)) };
}

const isHalf = (dtype: string): boolean => dtype === "float16" || dtype === "bfloat16";
const isDouble = (dtype: string): boolean => dtype === "float64" || dtype === "complex128";

function toleranceOf(c: Case, dtype: string, grad: boolean): [number, number] {
  if (grad) {
    const [r, a] = isHalf(dtype) ? [1e-2, 1e-2] : isDouble(dtype) ? [1e-6, 1e-8] : [1e-4, 1e-5];
    return [r, Math.max(c.gradAtol ?? 0, a)];
  }
  const [r, a] = isHalf(dtype) ? [1e-3, 1e-3] : isDouble(dtype) ? [1e-6, 1e-8] : [1e-5, 1e-6];
  return [c.rtol ?? r, c.atol ?? a];
}

function numbersOf(dtype: string, data: ArrayLike<number | bigint>): (number | bigint)[] {
  if (dtype === "float16") return Array.from(data, (v) => halfToNumber(Number(v)));
  if (dtype === "bfloat16") return Array.from(data, (v) => bfloatToNumber(Number(v)));
  if (dtype === "bool") return Array.from(data, (v) => (v ? 1 : 0));
  return Array.from(data);
}

/** Magnitudes in place of values, pairs for complex. */
function magnitudes(dtype: string, x: (number | bigint)[]): number[] {
  const n = x.map(Number);
  if (!dtype.startsWith("complex")) return n.map(Math.abs);
  return Array.from({ length: n.length / 2 }, (_, i) => Math.hypot(n[2 * i]!, n[2 * i + 1]!));
}

function compareTensor(corpus: Corpus, got: unknown, ref: TensorRef, c: Case, where: string, grad = false): void {
  if (!isTensor(got)) throw new Mismatch(`${where}: expected a tensor, got ${got === null ? "null" : typeof got}`);
  if (got.dtype !== ref.dtype) throw new Mismatch(`${where}: ${got.dtype} instead of ${ref.dtype}`);
  if (got.shape.join() !== ref.shape.join())
    throw new Mismatch(`${where}: shape [${got.shape}] instead of [${ref.shape}]`);
  if (!grad && c.compare === "meta") return;
  let a = numbersOf(ref.dtype, got.dataSync());
  let b = numbersOf(ref.dtype, corpus.array(ref));
  if (!grad && c.compare === "abs") [a, b] = [magnitudes(ref.dtype, a), magnitudes(ref.dtype, b)];
  const [rtol, atol] = toleranceOf(c, ref.dtype, grad);
  const exact = !/float|complex/.test(ref.dtype);
  b.forEach((want, i) => {
    const x = a[i]!;
    if (x === want || (Number.isNaN(want) && Number.isNaN(x))) return;
    const close =
      !exact &&
      Number.isFinite(Number(want)) &&
      Math.abs(Number(x) - Number(want)) <= atol + rtol * Math.abs(Number(want));
    if (!close) throw new Mismatch(`${where}: element ${i} is ${x} instead of ${want}`);
  });
}

function compareValue(corpus: Corpus, got: unknown, want: Recorded, c: Case, where: string): void {
  if (Array.isArray(want)) {
    const list = [...(got as Iterable<unknown>)];
    if (list.length !== want.length) throw new Mismatch(`${where}: ${list.length} values instead of ${want.length}`);
    want.forEach((w: Recorded, i) => compareValue(corpus, list[i], w, c, `${where}[${i}]`));
    return;
  }
  const o = want as Readonly<Record<string, unknown>> | null;
  if (o !== null && typeof o === "object") {
    if (o["$t"]) return compareTensor(corpus, got, o["$t"] as TensorRef, c, where);
    if (o["$dtype"]) {
      if (got !== o["$dtype"]) throw new Mismatch(`${where}: ${String(got)} instead of ${String(o["$dtype"])}`);
      return;
    }
    return compareValue(corpus, got, special(o["$f"] as string), c, where);
  }
  if (c.compare === "meta") return;
  if (typeof want === "number") {
    const x = Number(got);
    const same = Object.is(x, want) || Math.abs(x - want) <= (c.atol ?? 1e-6) + (c.rtol ?? 1e-5) * Math.abs(want);
    if (!same) throw new Mismatch(`${where}: ${x} instead of ${want}`);
  } else if ((got ?? null) !== want) throw new Mismatch(`${where}: ${String(got)} instead of ${String(want)}`);
}

/** Tensors of a result in depth-first order, with whatever stands between them. */
function flatten(x: unknown): unknown[] {
  if (isTensor(x) || typeof x !== "object" || x === null || !(Symbol.iterator in x)) return [x];
  return [...(x as Iterable<unknown>)].flatMap(flatten);
}

/** Replays the call and compares outputs, buffers or the refusal. */
export async function replayForward(corpus: Corpus, c: Case): Promise<Outcome> {
  const progress: Progress = { at: "prepare" };
  try {
    const { result, layer } = await invoke(c, new Decoder(corpus, new Set()), false, progress);
    if (c.error) return `expected an error (${c.error.type}: ${c.error.message})`;
    compareValue(corpus, result, (c.multi ? c.outputs : c.outputs[0]!) as Recorded, c, "output");
    if (layer && c.stateAfter) {
      const after = layer.stateDict() as Readonly<Record<string, unknown>>;
      for (const [k, ref] of Object.entries(c.stateAfter)) compareTensor(corpus, after[k], ref.$t, c, `state ${k}`);
    }
    return undefined;
  } catch (error) {
    if (error instanceof Mismatch) return error.message;
    const deliberate = error instanceof Error && "kind" in error && (error as { kind: unknown }).kind !== "Bug";
    if (c.error && deliberate && (progress.at === "call" || progress.at === "ctor")) return undefined;
    return `${progress.at}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
  }
}

/** Whether a case has gradients to compare. */
export const hasGradients = (c: Case): boolean => c.inputGrads !== undefined || c.paramGrads !== undefined;

/** Replays the call with gradients of the recorded cotangents and compares them. */
export async function replayGradients(corpus: Corpus, c: Case): Promise<Outcome> {
  try {
    const d = new Decoder(corpus, new Set(Object.keys(c.inputGrads ?? {})));
    const { result, layer } = await invoke(c, d, true, { at: "prepare" });
    const outs = flatten(result);
    const flowing = (c.cotangents ?? []).flatMap((cot, i) =>
      cot && isTensor(outs[i]) ? [{ out: outs[i] as Tensor, cot }] : [],
    );
    const cotangents = flowing.map(({ cot }) => new Decoder(corpus, new Set()).tensor(cot.$t, ""));
    const named = new Map(layer ? layer.namedParameters() : []);
    const wanted = [
      ...Object.entries(c.inputGrads ?? {}).map(([at, ref]) => ({ at, ref, x: d.leaves.get(at) })),
      ...Object.entries(c.paramGrads ?? {}).map(([at, ref]) => ({ at, ref, x: named.get(at) as Tensor | undefined })),
    ];
    const lost = wanted.find((w) => !w.x);
    if (lost) return `gradient: no tensor at ${lost.at}`;
    const grads = oar.grad(
      flowing.map((f) => f.out),
      wanted.map((w) => w.x!),
      { gradOutputs: cotangents, allowUnused: true },
    );
    wanted.forEach(({ at, ref }, i) => {
      const g = grads[i];
      if (ref) compareTensor(corpus, g, ref.$t, c, `gradient of ${at}`, true);
    });
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}
