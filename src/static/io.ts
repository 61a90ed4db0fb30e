// Saving and loading the variables of Programs: Paddle's save_vars and its kin, static.save and static.load.

import { files } from "#platform";
import { readTensor, readTensors, writeTensor, writeTensors } from "../checkpoint/lod-tensor.js";
import { fromPaddle } from "../checkpoint/paddle-state.js";
import { readPickle } from "../checkpoint/pickle-reader.js";
import { type PickleProtocol, writePickle } from "../checkpoint/pickle-writer.js";
import { InvalidArgumentError, NotFoundError } from "../core/errors.js";
import { isNdArray, type NdArray } from "../core/nd-array.js";
import { checkOptions, splitOptions, type Trailing } from "../core/options.js";
import { formatShape, sameShape } from "../core/shape.js";
import { setTensorValue } from "../param/set-value.js";
import type { VarDesc } from "../program/program.js";
import type { Tensor } from "../tensor/tensor.js";
import { fromArray, toArray } from "../trace/eager.js";
import type { Executor } from "./executor.js";
import { defaultMainProgram } from "./mode.js";
import type { Program } from "./program.js";
import { persistableNames, setProgramState as setState, valueIn } from "./program-state.js";
import { globalScope, type Scope } from "./scope.js";

/** Options of {@link saveVars} and {@link loadVars}. */
export interface VarsOptions {
  /** The default main Program unless given. */
  readonly mainProgram?: Program | undefined;
  /** Variables or their names. */
  readonly vars?: readonly (Tensor | string)[] | null | undefined;
  /** Chooses among the Program's persistable variables when `vars` is not given; all by default. */
  readonly predicate?: ((variable: Tensor) => boolean) | null | undefined;
  /** One file for all, in the order of sorted names; otherwise a file for each variable, called by its name. */
  readonly filename?: string | null | undefined;
  /** The current scope unless given. */
  readonly scope?: Scope | undefined;
}

const keys = ["mainProgram", "vars", "predicate", "filename", "scope"] as const;

function chosen(o: VarsOptions, op: string): string[] {
  const program = o.mainProgram ?? defaultMainProgram();
  const given = o.vars?.map((v) => (typeof v === "string" ? v : (v.symbol as VarDesc | undefined)?.name));
  if (given?.includes(undefined)) throw new InvalidArgumentError("vars must be variables or names.", { op });
  const accepts = o.predicate ?? (() => true);
  const names = given
    ? (given as string[])
    : persistableNames(program, "all").filter((name) => accepts(program.globalBlock().var(name)));
  for (const name of names)
    if (!program.persistables.has(name))
      throw new NotFoundError(`the Program has no persistable variable "${name}".`, { op, name });
  return [...new Set(names)].sort();
}

const join = (dirname: string, name: string): string =>
  dirname === "" ? name : `${dirname.replace(/\/$/, "")}/${name}`;

/**
 * Saves variables from a scope as Paddle's `save_vars` does, one LoDTensor file each or one file for all; Paddle's `load_vars` reads them.
 *
 * @param dirname the folder; with neither it nor `filename` the bytes of the combined file are returned
 * @throws NotFoundError for a name the Program does not have; PreconditionNotMetError before the startup Program ran.
 */
export async function saveVars(
  _executor: Executor,
  dirname: string | null,
  options: VarsOptions = {},
): Promise<Uint8Array | undefined> {
  const o = checkOptions<VarsOptions>("saveVars", options, keys);
  const scope = o.scope ?? globalScope();
  const arrays = chosen(o, "saveVars").map((name) => [name, toArray(valueIn(scope, name))] as const);
  const filename = o.filename ?? undefined;
  if (dirname === null && filename === undefined) return writeTensors(arrays.map(([, a]) => a));
  if (filename !== undefined)
    await files.write(join(dirname ?? "", filename), writeTensors(arrays.map(([, a]) => a)), true);
  else for (const [name, array] of arrays) await files.write(join(dirname ?? "", name), writeTensor(array), true);
  return undefined;
}

/**
 * Loads what {@link saveVars} or Paddle's `save_vars` wrote into a scope.
 *
 * @param source the folder, or the bytes of a combined file
 * @throws InvalidArgumentError when a shape or the number of tensors is another, or a file is damaged.
 */
export async function loadVars(
  _executor: Executor,
  source: string | Uint8Array | null,
  options: VarsOptions = {},
): Promise<void> {
  const o = checkOptions<VarsOptions>("loadVars", options, keys);
  const scope = o.scope ?? globalScope();
  const program = o.mainProgram ?? defaultMainProgram();
  const names = chosen(o, "loadVars");
  const filename = o.filename ?? undefined;
  if (source instanceof Uint8Array || filename !== undefined) {
    const bytes = source instanceof Uint8Array ? source : await files.read(join(source ?? "", filename!));
    const arrays = readTensors(bytes);
    if (arrays.length !== names.length)
      throw new InvalidArgumentError(
        `the file has ${arrays.length} tensors, ${names.length} variables are asked for.`,
        {
          op: "loadVars",
          hint: "a combined file holds no names: ask for exactly the variables that were saved.",
        },
      );
    names.forEach((name, i) => put(program, scope, name, arrays[i]!, "loadVars"));
    return;
  }
  for (const name of names)
    put(program, scope, name, readTensor(await files.read(join(source ?? "", name))).array, "loadVars");
}

/** Puts a value in a scope, of the variable's declared shape and dtype. */
function put(program: Program, scope: Scope, name: string, array: NdArray, op: string): void {
  const desc = program.persistables.get(name)!;
  if (!sameShape(array.shape, desc.shape) || array.dtype !== desc.dtype) {
    const [declared, found] = [desc, array].map((v) => `${v.dtype}${formatShape(v.shape)}`);
    throw new InvalidArgumentError(`"${name}" is ${declared}, the file has ${found}.`, { op, name });
  }
  const place = scope.var(name);
  if (place.tensor) {
    setTensorValue(place.tensor, array, `variable "${name}"`, false);
    return;
  }
  place.tensor = fromArray(array) as Tensor;
  place.tensor.name = name;
  place.tensor.persistable = true;
}

type Chosen = Omit<VarsOptions, "vars" | "predicate">;

/** {@link saveVars} of all parameters. */
export const saveParams = (executor: Executor, dirname: string | null, options: Chosen = {}) =>
  saveVars(executor, dirname, {
    ...options,
    vars: persistableNames(options.mainProgram ?? defaultMainProgram(), "param"),
  });

/** {@link loadVars} of all parameters. */
export const loadParams = (executor: Executor, source: string | Uint8Array | null, options: Chosen = {}) =>
  loadVars(executor, source, {
    ...options,
    vars: persistableNames(options.mainProgram ?? defaultMainProgram(), "param"),
  });

/** {@link saveVars} of everything that persists: parameters and the optimizer's state. */
export const savePersistables = (executor: Executor, dirname: string | null, options: Chosen = {}) =>
  saveVars(executor, dirname, options);

/** {@link loadVars} of everything that persists. */
export const loadPersistables = (executor: Executor, source: string | Uint8Array | null, options: Chosen = {}) =>
  loadVars(executor, source, options);

/**
 * Writes `PATH.pdparams` (parameters) and `PATH.pdopt` (everything else that persists), each a pickle of arrays by name, as Paddle's
 * `static.save` does. The Program itself is not written.
 *
 * @throws PreconditionNotMetError before the startup Program ran.
 */
export async function save(
  program: Program,
  path: string,
  options: { readonly protocol?: PickleProtocol | undefined; readonly scope?: Scope | undefined } = {},
): Promise<void> {
  const o = checkOptions<typeof options>("static.save", options, ["protocol", "scope"]);
  for (const [mode, ending] of [
    ["param", "pdparams"],
    ["opt", "pdopt"],
  ] as const) {
    const arrays = Object.entries(program.stateDict(mode, o.scope)).map(([name, t]) => [name, toArray(t)] as const);
    await files.write(`${path}.${ending}`, writePickle(new Map(arrays), o.protocol), true);
  }
}

/**
 * Arrays by name from `PATH.pdparams` and, where there is one, `PATH.pdopt`.
 *
 * @throws NotFoundError when there is no `PATH.pdparams`; InvalidArgumentError when a file is damaged.
 */
export async function loadProgramState(path: string): Promise<Record<string, NdArray>> {
  const base = path.replace(/\.(pdparams|pdopt|pdmodel)$/, "");
  const out: Record<string, NdArray> = Object.create(null);
  for (const ending of ["pdparams", "pdopt"]) {
    const bytes = await files.read(`${base}.${ending}`).catch((error: unknown) => {
      if (ending === "pdopt" && error instanceof NotFoundError) return undefined;
      throw error;
    });
    const state = bytes && fromPaddle(readPickle(bytes), { tensor: (array) => array });
    for (const [name, x] of Object.entries((state ?? {}) as Record<string, unknown>)) if (isNdArray(x)) out[name] = x;
  }
  return out;
}

/** Sets values of a Program's variables in the current scope; see `Program.setStateDict`. */
export const setProgramState = (program: Program, state: Readonly<Record<string, NdArray>>, scope?: Scope) =>
  setState(program, state, scope);

/** Options of {@link load}. */
export interface LoadOptions {
  /** Accepted for Paddle's sake. */
  readonly executor?: Executor | null | undefined;
  /** The current scope unless given. */
  readonly scope?: Scope | undefined;
}

/**
 * Loads what {@link save} or Paddle's `static.save` wrote.
 *
 * @throws NotFoundError when a variable of the Program is not in the files; InvalidArgumentError for another shape or dtype.
 */
export async function load(
  program: Program,
  path: string,
  ...rest: Trailing<Executor | null, LoadOptions>
): Promise<void> {
  const o = splitOptions<LoadOptions>("static.load", rest, ["executor", "scope"]);
  const scope = o.scope ?? globalScope();
  const state = await loadProgramState(path);
  const missing = [...program.persistables.keys()].filter((name) => !state[name]);
  if (missing.length > 0)
    throw new NotFoundError(`"${missing.join('", "')}" is not in ${path}.pdparams or .pdopt.`, {
      op: "static.load",
      missing,
    });
  for (const name of program.persistables.keys()) put(program, scope, name, state[name]!, "static.load");
}
