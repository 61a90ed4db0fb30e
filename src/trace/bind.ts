// bind: the one door through which every op passes, to the interpreter in force and past the tape.

import type { OpRecord } from "../program/op.js";
import type { Value } from "../program/value.js";

/** An operand as callers give it: a value, a number (weak scalar), nothing for an optional one, or a list (last). */
export type Argument = Value | number | undefined | readonly Value[];

/** Attributes by name. */
export type Attrs = Readonly<Record<string, unknown>>;

/** Gives an op a meaning: runs it now, or writes it into a Program. */
export interface Interpreter {
  process(record: OpRecord, operands: readonly (Value | number | undefined)[], attrs: Attrs): Value[];
}

/** Sees every op with its results. */
export interface Recorder {
  /** Whether the gradient of this call must be recorded. */
  wants(record: OpRecord, operands: readonly (Value | number | undefined)[]): boolean;
  record(
    record: OpRecord,
    operands: readonly (Value | number | undefined)[],
    attrs: Attrs,
    outputs: readonly Value[],
  ): void;
}

interface State {
  eager: Interpreter | undefined;
  symbolic: Interpreter | undefined;
  /** Ops without tensor operands go to the Program being built. */
  staticMode: boolean;
  /** Innermost trace that captures everything, if any. */
  capture: Interpreter | undefined;
  recorder: Recorder | undefined;
}

const state: State = {
  staticMode: false,
  eager: undefined,
  symbolic: undefined,
  capture: undefined,
  recorder: undefined,
};

/** Installs the interpreters; called once where the package is put together. */
export function setInterpreters(eager: Interpreter, symbolic: Interpreter, recorder: Recorder): void {
  state.eager = eager;
  state.symbolic = symbolic;
  state.recorder = recorder;
}

/** Puts another eager interpreter in place. */
export function setEagerInterpreter(eager: Interpreter): void {
  state.eager = eager;
}

/** Runs `fn` with every op going to `interpreter`. */
export function capturing<R>(interpreter: Interpreter, fn: () => R): R {
  const before = state.capture;
  state.capture = interpreter;
  try {
    return fn();
  } finally {
    state.capture = before;
  }
}

/** Says whether ops without tensor operands (and those that draw random numbers) belong to a Program. */
export function setStaticMode(on: boolean): void {
  state.staticMode = on;
}

/** Whether static mode is on. */
export const isStaticMode = (): boolean => state.staticMode;

/** Runs `fn` eagerly although a trace is capturing: for state that must exist before the traced step runs. */
export function eagerly<R>(fn: () => R): R {
  const { capture, staticMode } = state;
  state.capture = undefined;
  state.staticMode = false;
  try {
    return fn();
  } finally {
    state.capture = capture;
    state.staticMode = staticMode;
  }
}

/** The trace that is capturing ops, if any. */
export const currentCapture = (): Interpreter | undefined => state.capture;

/** Whether a trace is capturing ops. */
export const isCapturing = (): boolean => state.capture !== undefined;

/** Operands in a flat list: a list operand stands last. */
function flatten(operands: readonly Argument[]): readonly (Value | number | undefined)[] {
  const last = operands[operands.length - 1];
  return Array.isArray(last)
    ? [...operands.slice(0, -1), ...last]
    : (operands as readonly (Value | number | undefined)[]);
}

const isTensor = (o: Value | number | undefined): boolean => typeof o === "object";

const isSymbolic = (o: Value | number | undefined): boolean => typeof o === "object" && o.symbol !== undefined;

/** Applies an op. All results come back in the order of the record's outputs. */
export function bind(record: OpRecord, operands: readonly Argument[], attrs: Attrs = {}): Value[] {
  const flat = flatten(operands);
  const recorder = state.recorder!;
  const wanted = recorder.wants(record, flat);
  if (wanted && record.grad === "parts" && record.body.form === "compose") {
    const outs = record.body.compose(namedOperands(record.inputs, flat), attrs);
    return record.outputs.map((name) => outs[name]!);
  }
  const symbolic = flat.some(isSymbolic) || (state.staticMode && (record.random || !flat.some(isTensor)));
  const interpreter = state.capture ?? (symbolic ? state.symbolic! : state.eager!);
  const outputs = interpreter.process(record, flat, attrs);
  if (wanted) recorder.record(record, flat, attrs, outputs);
  return outputs;
}

/** {@link bind} for ops with one output. */
export const bind1 = (record: OpRecord, operands: readonly Argument[], attrs?: Attrs): Value =>
  bind(record, operands, attrs)[0]!;

/** Operands by the record's names: `x?` optional, `xs*` the rest as a list. */
export function namedOperands<T>(names: readonly string[], operands: readonly T[]): Record<string, T | T[]> {
  const out: Record<string, T | T[]> = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (name.endsWith("*")) out[name.slice(0, -1)] = operands.slice(i);
    else out[name.endsWith("?") ? name.slice(0, -1) : name] = operands[i]!;
  }
  return out;
}

/** The name an operand position has, and whether it is in a list. */
export function operandName(names: readonly string[], position: number): { name: string; list: boolean } {
  const raw = names[Math.min(position, names.length - 1)]!;
  if (raw.endsWith("*")) return { name: raw.slice(0, -1), list: true };
  return { name: raw.endsWith("?") ? raw.slice(0, -1) : raw, list: false };
}

/** Infers the outputs of a call; numbers are weak scalars of rank 0. */
export function inferCall(
  record: OpRecord,
  operands: readonly (InferOperand | number | undefined)[],
  attrs: Attrs,
): ReturnType<OpRecord["infer"]> {
  return record.infer(
    namedOperands(
      record.inputs,
      operands.map((o) => (typeof o === "number" ? { shape: [], dtype: "float32", weak: o } : o)),
    ),
    attrs,
  );
}

type InferOperand = Pick<Value, "shape" | "dtype">;

/** Which operand an output overwrites. */
export function inplaceOperand(record: OpRecord, output: string): number | undefined {
  const name = record.inplace[output];
  if (name === undefined) return undefined;
  const at = record.inputs.findIndex((raw) => raw === name || raw === `${name}?`);
  return at < 0 ? undefined : at;
}
