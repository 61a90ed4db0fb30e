// Appending a loop to a Program, and its gradient: the body's gradient, run over the iterations' records from the last to the first.

import { isDifferentiable } from "../core/dtype.js";
import { add } from "../ops/arithmetic.js";
import { fullLike } from "../ops/creation.js";
import type { VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { BlockTrace } from "../trace/block-trace.js";
import { symbolHandle } from "../trace/handles.js";
import { loopTokens } from "../trace/region.js";
import { recordCustom } from "../trace/tape.js";
import { captureInForce, flows, onceOnly, walkBlock, wantedOf } from "./control-flow-branch.js";
import { appendRegion, Captures } from "./control-flow-op.js";
import { LoopGradientRegion, LoopRegion } from "./control-flow-loop-run.js";
import { callSite } from "./control-flow-results.js";
import { SubTrace } from "./control-flow-trace.js";

/** A finished loop body. */
export interface Body {
  readonly trace: SubTrace;
  /** The loop variables in the body. */
  readonly args: readonly Value[];
  /** Whether to go on. */
  readonly going: Value;
  /** The loop variables after the body. */
  readonly next: readonly Value[];
}

/** What a loop's gradient needs to know of it. */
interface Loop {
  readonly name: string;
  readonly body: Body;
  /** Numbers of the loop variables that gradients flow through. */
  readonly flowing: readonly number[];
  /** Values from outside that gradients flow to. */
  readonly ends: readonly Value[];
  /** The variable that names the records of a run. */
  readonly token: () => VarDesc;
}

/** Appends `while (going) values = body(values)`, and gives the loop variables after it. */
export function appendLoop(
  parent: BlockTrace,
  name: string,
  going: Value,
  first: readonly Value[],
  body: Body,
): Value[] {
  const { trace, args, next } = body;
  const { region, captures } = loopRegion(body);
  const types = first.map(({ shape, dtype }) => ({ shape, dtype }));
  const leading = [going, ...first];
  const appended = appendRegion(parent, name, region, leading, captures, types, trace.hasEffects);
  const { outs } = appended;
  const site = callSite();
  let token: VarDesc | undefined;
  const tokenOf = (): VarDesc => {
    if (!token) {
      const added = appended.addOutput(`${outs[0]!.symbol!.name}.records`, { shape: [1], dtype: "int64" });
      token = added.desc;
      region.token = added.at;
      loopTokens.set(token, site);
    }
    return token;
  };
  const wanted = wantedOf([trace]);
  const flowing = outs.flatMap((o, i) =>
    isDifferentiable(o.dtype) && !args[i]!.stopGradient && (flows(first[i]!) || flows(next[i]!)) ? [i] : [],
  );
  const loop: Loop = { name, body, flowing, ends: wanted.map((w) => w.end), token: tokenOf };
  recordCustom(
    name,
    [...flowing.map((i) => first[i]!), ...wanted.map((w) => w.handle)],
    flowing.map((i) => outs[i]!),
    (given) => loopGradients(loop, outs, given),
  );
  return outs;
}

function loopRegion({ trace, args, going, next }: Body): { readonly region: LoopRegion; readonly captures: Captures } {
  trace.results.push(...[going, ...next].map((v) => trace.operand(v) as VarDesc));
  const captures = new Captures([trace]);
  const count = args.length;
  const states = captures.updated.map((i) => i + count + 1);
  const region = new LoopRegion(trace, inputsOf(trace, args, captures, count + 1), count, states);
  return { region, captures };
}

/** Where each input of a block comes from: an argument, or an operand after the leading ones. */
function inputsOf(trace: SubTrace, args: readonly Value[], captures: Captures, leading: number) {
  const descs = args.map((a) => a.symbol as VarDesc);
  const byInner = new Map(trace.captured.map((c) => [c.inner, captures.of(c) + leading]));
  return {
    arguments: trace.inputs.map((d) => descs.indexOf(d)),
    operands: trace.inputs.map((d) => byInner.get(d) ?? -1),
  };
}

/** Appends the gradient of a loop: for each loop variable that gradients flow through, then for each value from outside. */
function loopGradients(loop: Loop, outs: readonly Value[], given: readonly (Value | undefined)[]): (Value | null)[] {
  const { name, body, flowing, ends } = loop;
  const parent = captureInForce();
  const into = new SubTrace(parent, body.trace);
  const seeds = flowing.map((i) => into.argument(`${name}_flow${i}`, outs[i]!));
  const unmoved = body.args.filter((_, i) => !flowing.includes(i));
  const inputs = [...flowing.map((i) => body.args[i]!), ...ends];
  const roots = flowing.map((i) => body.next[i]!);
  const found = into.write(() => walkBlock(body.trace, roots, seeds, inputs, unmoved));
  const reached = ends.filter((v) => found.has(v));
  const sums = reached.map((v, i) => into.argument(`${name}_sum${i}`, v));
  const results = into.write(() => [
    ...flowing.map((i, k) => found.get(body.args[i]!) ?? fullLike(seeds[k]!, 0)),
    ...reached.map((v, i) => add(sums[i]!, found.get(v)!)),
  ]);
  into.results.push(...results.map((v) => into.operand(v) as VarDesc));
  const first = flowing.map((i, k) => given[k] ?? fullLike(outs[i]!, 0));
  const leading = [symbolHandle(loop.token()), ...first];
  const captures = new Captures([into]);
  const recorded = new Map([...into.recorded].map(([of, inner]) => [inner, of]));
  const region = new LoopGradientRegion(
    into,
    body.trace,
    {
      ...inputsOf(into, [...seeds, ...sums], captures, leading.length),
      recorded: into.inputs.map((d) => recorded.get(d)),
    },
    flowing.length,
  );
  const types = results.map(({ shape, dtype }) => ({ shape, dtype }));
  const made = appendRegion(parent, `${name}_grad`, region, leading, captures, types, into.hasEffects).outs;
  onceOnly(name, [...ends, ...given.filter((g) => g !== undefined)], made);
  const outer = made.slice(flowing.length);
  return [...made.slice(0, flowing.length), ...ends.map((v) => outer[reached.indexOf(v)] ?? null)];
}
