// Reads Python pickles, protocols 2 to 5: a stack machine over a fixed table of allowed callables. Nothing in a file is executed.

import { isNdArray } from "../core/nd-array.js";
import { type ByteSource, sourceOf, Stretch } from "./byte-source.js";
import { corrupt } from "./corrupt.js";
import {
  ArrayHolder,
  arrayOf,
  Callable,
  globals,
  isData,
  latin1,
  NumpyType,
  type PickleItem,
  Refusal,
} from "./pickle-globals.js";
import { type PickleValue, Tuple } from "./pickle-values.js";

/** Bytes in a row from which they stay unread until they are needed. */
const LONG = 65536;
/** Bytes of a source that is no memory are read so many at a time. */
const WINDOW = 16384;
/** The longest line: of a global's name. */
const LINE = 4096;

/** Values nested deeper than this are refused: no checkpoint is, and plain recursion must not overflow. */
const maxDepth = 200;

/**
 * Reads the value of a pickle, from memory or from a source, of which long arrays are read once, to where its `elements` gives them.
 *
 * @throws InvalidArgumentError with `fields.offset` when the bytes are damaged, or name anything but arrays and plain data.
 * @example
 * const state = readPickle(await readFile("linear.pdparams"));
 */
export function readPickle(from: Uint8Array | ByteSource): PickleValue {
  const machine = from instanceof Uint8Array ? new Machine(sourceOf(from), from.length) : new Machine(from, WINDOW);
  try {
    return finished(machine.run(), new Map(), 0);
  } catch (error) {
    if (error instanceof Refusal) throw corrupt("pickle", machine.offset, error.message);
    throw error;
  }
}

/** Whether bytes begin as a pickle of protocol 2 or later. */
export const hasPickleMagic = (bytes: Uint8Array): boolean =>
  bytes.length > 2 && bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5;

const isKey = (x: unknown): boolean =>
  x === null ||
  ["string", "number", "boolean", "bigint"].includes(typeof x) ||
  x instanceof Tuple ||
  x instanceof Uint8Array;

class Machine {
  /** The byte being read. */
  offset = 0;
  /** Bytes of the source that are at hand, and where they begin. */
  private window: Uint8Array = new Uint8Array(0);
  private start = 0;
  private view = new DataView(this.window.buffer);
  private readonly stack: PickleItem[] = [];
  /** Heights of the stack at marks. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleItem>();
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(
    private readonly source: ByteSource,
    private readonly windowBytes: number,
  ) {}

  run(): PickleItem {
    for (;;) {
      const op = this.byte();
      if (op === 0x2e) return this.pop();
      const act = operations[op];
      if (!act) throw new Refusal(`there is no opcode 0x${op.toString(16)} in plain data`);
      act(this);
    }
  }

  byte(): number {
    const at = this.skip(1);
    return this.window[at]!;
  }

  /** Moves on; gives where it stood, in the source. */
  private pass(n: number): number {
    const at = this.offset;
    if (!(n >= 0) || at + n > this.source.length)
      throw new Refusal(`the file ends ${at + n - this.source.length} bytes early`);
    this.offset = at + n;
    return at;
  }

  /** Moves on; gives where it stood, in the window, which holds what was passed. */
  skip(n: number): number {
    const at = this.pass(n);
    this.show(at, n);
    return at - this.start;
  }

  /** Has the window hold these bytes. */
  private show(at: number, n: number): void {
    if (at >= this.start && at + n <= this.start + this.window.length) return;
    this.window = this.source.read(at, Math.min(Math.max(n, this.windowBytes), this.source.length - at));
    this.start = at;
    this.view = new DataView(this.window.buffer, this.window.byteOffset, this.window.byteLength);
  }

  // The window, and the view with it, may be another one after a skip.
  u16(): number {
    const at = this.skip(2);
    return this.view.getUint16(at, true);
  }

  i32(): number {
    const at = this.skip(4);
    return this.view.getInt32(at, true);
  }

  u32(): number {
    const at = this.skip(4);
    return this.view.getUint32(at, true);
  }

  f64(): number {
    const at = this.skip(8);
    return this.view.getFloat64(at, false);
  }

  /** A length of eight bytes, if it can be one. */
  u64(): number {
    const at = this.skip(8);
    const n = this.view.getBigUint64(at, true);
    const { length } = this.source;
    if (n > BigInt(length)) throw new Refusal(`${n} bytes are announced, the file has ${length}`);
    return Number(n);
  }

  take(n: number): Uint8Array {
    const at = this.skip(n);
    return this.window.subarray(at, at + n);
  }

  /** Bytes as a value: short ones as they are, long ones to be read where they are needed. */
  data(n: number): Uint8Array | Stretch {
    return n < LONG ? this.take(n) : new Stretch(this.source, this.pass(n), n);
  }

  text(n: number): string {
    try {
      return this.decoder.decode(this.take(n));
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw new Refusal("a string is no UTF-8");
    }
  }

  /** A Python 2 string: bytes as characters. */
  oldText(n: number): string {
    return Array.from(this.take(n), (b) => String.fromCharCode(b)).join("");
  }

  line(): string {
    this.show(this.offset, Math.min(LINE, this.source.length - this.offset));
    const from = this.offset - this.start;
    const end = this.window.indexOf(0x0a, from);
    if (end < 0) throw new Refusal("a line does not end");
    const text = this.text(end - from);
    this.skip(1);
    return text;
  }

  /** Little-endian two's complement of any length. */
  long(n: number): number | bigint {
    const raw = this.take(n);
    if (n > 256) throw new Refusal("an integer of more than 2048 bits");
    let x = 0n;
    for (let i = n - 1; i >= 0; i--) x = (x << 8n) | BigInt(raw[i]!);
    const signed = n > 0 ? BigInt.asIntN(8 * n, x) : 0n;
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  push(x: PickleItem): void {
    this.stack.push(x);
  }

  pop(): PickleItem {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw new Refusal("the stack is empty");
    return this.stack.pop()!;
  }

  top(): PickleItem {
    const x = this.pop();
    this.stack.push(x);
    return x;
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  /** Everything since the last mark. */
  popMark(): PickleValue[] {
    const height = this.marks.pop();
    if (height === undefined) throw new Refusal("there is no mark");
    return this.stack.splice(height) as PickleValue[];
  }

  remember(key: number): void {
    this.memo.set(key, this.top());
  }

  memoize(): void {
    this.remember(this.memo.size);
  }

  recall(key: number): void {
    const known = this.memo.get(key);
    if (known === undefined) throw new Refusal(`there is no remembered value ${key}`);
    this.push(known);
  }

  global(module: string, name: string): void {
    const known = globals.get(`${module}.${name}`);
    if (known === undefined) throw new Refusal(`${module}.${name} is no plain data; it is neither imported nor called`);
    this.push(known);
  }

  reduce(): void {
    const [args, f] = [this.pop(), this.pop()];
    if (!(f instanceof Callable) || !(args instanceof Tuple))
      throw new Refusal("something that is no function is called");
    this.push(f.call(args.items));
  }

  /** Sets the state of what stands on top: of an array or an element type. */
  build(): void {
    const state = this.pop();
    const target = this.top();
    if (!(state instanceof Tuple)) throw new Refusal("a state that is no tuple");
    if (target instanceof NumpyType) {
      const [, order, subtype, names] = state.items;
      if (subtype !== null || names !== null || typeof order !== "string")
        throw new Refusal("a structured element type");
      target.order = order;
    } else if (target instanceof ArrayHolder) target.array = arrayFrom(state);
    else throw new Refusal("the state of something that has none");
  }

  append(items: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new Refusal("an item for something that is no list");
    for (const x of items) list.push(x);
  }

  setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw new Refusal("an entry for something that is no dict");
    if (items.length % 2 !== 0) throw new Refusal("a key without a value");
    for (let i = 0; i < items.length; i += 2) {
      const key: PickleItem = items[i]!;
      const known = key instanceof Stretch ? key.read() : key;
      if (!isKey(known)) throw new Refusal("a key that cannot be one");
      dict.set(known as PickleValue, items[i + 1]!);
    }
  }

  addItems(items: readonly PickleValue[]): void {
    const set = this.top();
    if (!(set instanceof Set)) throw new Refusal("an item for something that is no set");
    for (const x of items) set.add(x);
  }
}

function arrayFrom(state: Tuple): ReturnType<typeof arrayOf> {
  const [, shape, type, fortran, data] = state.items.length === 5 ? state.items : [];
  const raw: PickleItem | undefined = typeof data === "string" ? latin1(data) : data;
  if (!(shape instanceof Tuple) || !((type as unknown) instanceof NumpyType) || !isData(raw))
    throw new Refusal("a damaged array, or one of Python objects");
  return arrayOf(type as unknown as NumpyType, shape.items, fortran === true || fortran === 1, raw);
}

const value = (m: Machine): PickleValue => m.pop() as PickleValue;

const tupleOf = (m: Machine, n: number): void => {
  const items: PickleValue[] = [];
  for (let i = 0; i < n; i++) items.unshift(value(m));
  m.push(new Tuple(items));
};

function dictOf(m: Machine): void {
  const items = m.popMark();
  m.push(new Map());
  m.setItems(items);
}

/** By opcode; those that make objects of classes, or reach outside the file, are not here. */
const operations: Readonly<Record<number, (m: Machine) => void>> = {
  128: (m) => {
    const protocol = m.byte();
    if (protocol > 5) throw new Refusal(`protocol ${protocol}`);
  },
  149: (m) => void m.u64(),
  40: (m) => m.mark(),
  48: (m) => void m.pop(),
  49: (m) => void m.popMark(),
  50: (m) => m.push(m.top()),
  78: (m) => m.push(null),
  136: (m) => m.push(true),
  137: (m) => m.push(false),
  74: (m) => m.push(m.i32()),
  75: (m) => m.push(m.byte()),
  77: (m) => m.push(m.u16()),
  138: (m) => m.push(m.long(m.byte())),
  139: (m) => m.push(m.long(m.i32())),
  71: (m) => m.push(m.f64()),
  84: (m) => m.push(m.oldText(m.i32())),
  85: (m) => m.push(m.oldText(m.byte())),
  88: (m) => m.push(m.text(m.u32())),
  140: (m) => m.push(m.text(m.byte())),
  141: (m) => m.push(m.text(m.u64())),
  66: (m) => m.push(m.data(m.u32())),
  67: (m) => m.push(m.take(m.byte())),
  142: (m) => m.push(m.data(m.u64())),
  150: (m) => m.push(m.data(m.u64())),
  93: (m) => m.push([]),
  97: (m) => {
    const x = value(m);
    m.append([x]);
  },
  101: (m) => m.append(m.popMark()),
  108: (m) => m.push(m.popMark()),
  41: (m) => m.push(new Tuple([])),
  116: (m) => m.push(new Tuple(m.popMark())),
  133: (m) => tupleOf(m, 1),
  134: (m) => tupleOf(m, 2),
  135: (m) => tupleOf(m, 3),
  125: (m) => m.push(new Map()),
  115: (m) => {
    const x = value(m);
    const key = value(m);
    m.setItems([key, x]);
  },
  117: (m) => m.setItems(m.popMark()),
  100: dictOf,
  143: (m) => m.push(new Set()),
  144: (m) => m.addItems(m.popMark()),
  145: (m) => m.push(new Set(m.popMark())),
  104: (m) => m.recall(m.byte()),
  106: (m) => m.recall(m.u32()),
  113: (m) => m.remember(m.byte()),
  114: (m) => m.remember(m.u32()),
  148: (m) => m.memoize(),
  99: (m) => {
    const module = m.line();
    m.global(module, m.line());
  },
  147: (m) => {
    const [name, module] = [m.pop(), m.pop()];
    if (typeof name !== "string" || typeof module !== "string") throw new Refusal("a name that is no string");
    m.global(module, name);
  },
  82: (m) => m.reduce(),
  98: (m) => m.build(),
};

/** The value with every array in its place; shared parts stay shared. */
function finished(x: PickleItem, seen: Map<object, PickleValue>, depth: number): PickleValue {
  if (depth > maxDepth) throw new Refusal(`values are nested more than ${maxDepth} deep`);
  if (typeof x !== "object" || x === null || x instanceof Uint8Array) return x;
  if (x instanceof ArrayHolder) {
    if (!x.array) throw new Refusal("an array without its elements");
    return x.array;
  }
  if (x instanceof Stretch) return x.read();
  if (x instanceof Callable || x instanceof NumpyType) throw new Refusal("a class or function stands for a value");
  const known = seen.get(x);
  if (known !== undefined) return known;
  const inner = (y: PickleValue): PickleValue => finished(y, seen, depth + 1);
  if (isNdArray(x)) return x;
  if (x instanceof Tuple) {
    const out = new Tuple(x.items.map(inner));
    seen.set(x, out);
    return out;
  }
  if (Array.isArray(x)) {
    seen.set(x, x);
    for (let i = 0; i < x.length; i++) x[i] = inner(x[i]!);
    return x;
  }
  seen.set(x, x);
  if (x instanceof Set) {
    const items = [...x].map(inner);
    x.clear();
    for (const y of items) x.add(y);
    return x;
  }
  for (const [key, y] of x) x.set(key, inner(y));
  return x;
}
