// The only callables that a pickle may name here, each done by hand: nothing in a file is ever executed.

import type { NdArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { Stretch } from "./byte-source.js";
import { decodeElements } from "./npy.js";
import { type PickleValue, Tuple } from "./pickle-values.js";

/** A callable that a pickle named. */
export class Callable {
  constructor(
    readonly name: string,
    readonly call: (args: readonly PickleItem[]) => PickleItem,
  ) {}
}

/** NumPy's element type, before its byte order is set. */
export class NumpyType {
  constructor(
    readonly code: string,
    public order: string,
  ) {}
}

/** An array whose state has not come yet. */
export class ArrayHolder {
  array: NdArray | undefined;
}

/** What stands on the stack of the pickle machine. */
export type PickleItem = PickleValue | Callable | NumpyType | ArrayHolder | Stretch;

/** Whether a value is bytes, read or not. */
export const isData = (x: unknown): x is Uint8Array | Stretch => x instanceof Uint8Array || x instanceof Stretch;

/** Says what is wrong; the reader adds where. */
export class Refusal extends Error {}

const refuse = (why: string): never => {
  throw new Refusal(why);
};

/** Bytes of a string that holds one byte a character. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => {
    const code = c.charCodeAt(0);
    return code < 256 ? code : refuse("a string of bytes has a character beyond 255");
  });
}

const isType = (x: unknown): x is NumpyType => x instanceof NumpyType;

function makeType(args: readonly PickleItem[]): NumpyType {
  const code = args[0];
  if (typeof code !== "string" || !/^[biufcV]\d{1,2}$/.test(code))
    return refuse(`elements of type ${JSON.stringify(code)} are not supported`);
  return new NumpyType(code, code.endsWith("1") ? "|" : "<");
}

/** `numpy.ndarray` itself is only an argument. */
const ndarrayType = new Callable("numpy.ndarray", () => refuse("numpy.ndarray is not called directly"));

function reconstruct(args: readonly PickleItem[]): ArrayHolder {
  return args[0] === ndarrayType ? new ArrayHolder() : refuse("only plain arrays are made");
}

/** The elements of an array given as bytes. */
export function arrayOf(
  type: NumpyType,
  shape: readonly unknown[],
  fortranOrder: boolean,
  data: Uint8Array | Stretch,
): NdArray {
  const extents = shape.map((n) =>
    typeof n === "number" && Number.isSafeInteger(n) && n >= 0 ? n : refuse(`${String(n)} is no extent`),
  );
  if (extents.length > 64) refuse(`an array of ${extents.length} axes`);
  const itemBytes = Number.parseInt(type.code.slice(1), 10);
  if (sizeOf(extents) * itemBytes !== data.length)
    refuse(
      `shape [${extents.join(", ")}] of ${type.code} needs ${sizeOf(extents) * itemBytes} bytes, ${data.length} are there`,
    );
  const order = type.order === ">" ? ">" : type.order === "|" ? "|" : "<";
  const header = { descr: order + type.code, shape: extents, fortranOrder, dataOffset: 0 };
  return decodeElements(data instanceof Stretch ? data.elements() : new Uint8Array(data), header, {}, "pickle");
}

function scalar(args: readonly PickleItem[]): PickleItem {
  const [type, data] = args;
  if (!isType(type)) return refuse("a scalar without a type");
  const bytes = typeof data === "string" ? latin1(data) : isData(data) ? data : refuse("a scalar without data");
  const { dtype, data: elements } = arrayOf(type, [], false, bytes);
  if (elements.length !== 1) return refuse("a complex scalar");
  const x = elements[0]!;
  if (dtype === "bool") return x !== 0;
  return typeof x === "bigint" && Number.isSafeInteger(Number(x)) ? Number(x) : x;
}

/** Protocol 5's arrays: buffer, type, shape, order. */
function fromBuffer(args: readonly PickleItem[]): PickleItem {
  const [data, type, shape, order] = args;
  if (!isData(data) || !isType(type) || !(shape instanceof Tuple)) return refuse("a damaged array");
  return arrayOf(type, shape.items, order === "F", data);
}

/** Paddle's spelling of a LoDTensor: `eval("data", {"data": array})`. Only exactly this is read. */
function onlyData(args: readonly PickleItem[]): PickleItem {
  const [text, names] = args;
  if (args.length !== 2 || text !== "data" || !(names instanceof Map) || names.size !== 1 || !names.has("data"))
    return refuse("eval is not executed");
  return names.get("data")!;
}

const listed = (args: readonly PickleItem[]): PickleValue[] => {
  const x = args[0];
  if (args.length === 0) return [];
  if (args.length === 1 && x instanceof Tuple) return [...x.items];
  if (args.length === 1 && Array.isArray(x)) return [...x];
  return refuse("a collection of something that is no list");
};

function encode(args: readonly PickleItem[]): PickleItem {
  const [text, coding] = args;
  if (typeof text !== "string" || (coding !== "latin1" && coding !== "latin-1")) return refuse("an unknown encoding");
  return latin1(text);
}

function orderedDict(args: readonly PickleItem[]): PickleItem {
  const pairs = listed(args).map((pair): [PickleValue, PickleValue] => {
    const items = pair instanceof Tuple ? pair.items : Array.isArray(pair) ? pair : [];
    return items.length === 2 ? [items[0]!, items[1]!] : refuse("a dict of something that is no pair");
  });
  return new Map(pairs);
}

const make = (name: string, call: Callable["call"]): readonly [string, Callable] => [name, new Callable(name, call)];

/** By `module.name`; NumPy 1's and 2's spellings, Python 2's and 3's. */
export const globals: ReadonlyMap<string, Callable> = new Map<string, Callable>([
  ["numpy.ndarray", ndarrayType],
  make("numpy.dtype", makeType),
  ...["numpy.core.multiarray", "numpy._core.multiarray"].flatMap((module) => [
    make(`${module}._reconstruct`, reconstruct),
    make(`${module}.scalar`, scalar),
  ]),
  ...["numpy.core.numeric", "numpy._core.numeric"].map((module) => make(`${module}._frombuffer`, fromBuffer)),
  ...["builtins", "__builtin__"].flatMap((module) => [
    make(`${module}.tuple`, (args) => new Tuple(listed(args))),
    make(`${module}.set`, (args) => new Set(listed(args))),
    // Protocol 2 writes empty bytes as a call of bytes().
    make(`${module}.bytes`, (args) => (args.length === 0 ? new Uint8Array(0) : refuse("bytes with arguments"))),
    make(`${module}.eval`, onlyData),
  ]),
  make("collections.OrderedDict", orderedDict),
  make("_codecs.encode", encode),
]);
