// A small assembler of WebAssembly binaries: bytes, one function's code, and the module around the functions.

import { opcodes, type Op } from "./opcodes.js";

/** Types of locals, parameters and results. */
export type ValType = "i32" | "i64" | "f32" | "f64" | "v128";

const valCode: Readonly<Record<ValType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A growing run of bytes with the encodings the format uses. */
export class Bytes {
  private data = new Uint8Array(256);
  private view = new DataView(this.data.buffer);
  length = 0;

  private room(n: number): void {
    if (this.length + n <= this.data.length) return;
    const data = new Uint8Array(Math.max(this.data.length * 2, this.length + n));
    data.set(this.data);
    this.data = data;
    this.view = new DataView(data.buffer);
  }

  /** One byte. */
  u8(x: number): void {
    this.room(1);
    this.data[this.length++] = x;
  }

  /** An unsigned LEB128 number of 32 bits. */
  u32(x: number): void {
    let rest = x >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** A signed LEB128 number of 32 bits. */
  s32(x: number): void {
    let rest = x | 0;
    while (rest < -64 || rest > 63) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.u8(rest & 0x7f);
  }

  /** A signed LEB128 number of 64 bits. */
  s64(x: bigint): void {
    let rest = BigInt.asIntN(64, x);
    while (rest < -64n || rest > 63n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.u8(Number(rest & 0x7fn));
  }

  f32(x: number): void {
    this.room(4);
    this.view.setFloat32(this.length, x, true);
    this.length += 4;
  }

  f64(x: number): void {
    this.room(8);
    this.view.setFloat64(this.length, x, true);
    this.length += 8;
  }

  append(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.data.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A name: its length and its UTF-8 bytes. */
  text(name: string): void {
    const bytes = new TextEncoder().encode(name);
    this.u32(bytes.length);
    this.append(bytes);
  }

  /** The bytes so far (a copy). */
  take(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.length);
  }
}

/** A label that `br` can jump to. */
export type Label = number;

/** The code of one function. Locals 0 … params.length-1 are the parameters. */
export class Code {
  private readonly out = new Bytes();
  private readonly locals: ValType[] = [];
  private depth = 0;

  constructor(readonly params: readonly ValType[]) {}

  /** A new local of a type, zero at entry. */
  local(type: ValType): number {
    this.locals.push(type);
    return this.params.length + this.locals.length - 1;
  }

  /** An instruction without immediates. */
  op(name: Op): void {
    const code = opcodes[name];
    if (code < 0x100) this.out.u8(code);
    else {
      this.out.u8(code >>> 12);
      this.out.u32(code & 0xfff);
    }
  }

  /** A memory access. Atomics must state their exact alignment; for others it is a hint that engines ignore. */
  mem(name: Op, offset = 0): void {
    this.op(name);
    this.out.u32(name.includes("atomic") ? (name.startsWith("i64") ? 3 : 2) : 0);
    this.out.u32(offset);
  }

  /** A memory access of one lane. */
  memLane(name: Op, offset: number, lane: number): void {
    this.mem(name, offset);
    this.out.u8(lane);
  }

  /** `extract_lane` or `replace_lane`. */
  lane(name: Op, lane: number): void {
    this.op(name);
    this.out.u8(lane);
  }

  get(local: number): void {
    this.out.u8(0x20);
    this.out.u32(local);
  }

  set(local: number): void {
    this.out.u8(0x21);
    this.out.u32(local);
  }

  tee(local: number): void {
    this.out.u8(0x22);
    this.out.u32(local);
  }

  i32(x: number): void {
    this.out.u8(0x41);
    this.out.s32(x);
  }

  i64(x: bigint): void {
    this.out.u8(0x42);
    this.out.s64(x);
  }

  f32(x: number): void {
    this.out.u8(0x43);
    this.out.f32(x);
  }

  f64(x: number): void {
    this.out.u8(0x44);
    this.out.f64(x);
  }

  /** A v128 literal of 16 bytes. */
  v128(bytes: Uint8Array): void {
    this.out.u8(0xfd);
    this.out.u8(0x0c);
    this.out.append(bytes);
  }

  /** `i8x16.shuffle`: byte i of the result is byte `from[i]` of the two operands together. */
  shuffle(from: readonly number[]): void {
    this.out.u8(0xfd);
    this.out.u8(0x0d);
    this.out.append(Uint8Array.from(from));
  }

  private open(code: number): Label {
    this.out.u8(code);
    this.out.u8(0x40);
    return ++this.depth;
  }

  /** Opens a block; a branch to it jumps behind its end. */
  block(): Label {
    return this.open(0x02);
  }

  /** Opens a loop; a branch to it jumps to its start. */
  loop(): Label {
    return this.open(0x03);
  }

  /** Opens `if` on the i32 on the stack. */
  if(): Label {
    return this.open(0x04);
  }

  else(): void {
    this.out.u8(0x05);
  }

  end(): void {
    this.out.u8(0x0b);
    this.depth--;
  }

  br(label: Label): void {
    this.out.u8(0x0c);
    this.out.u32(this.depth - label);
  }

  brIf(label: Label): void {
    this.out.u8(0x0d);
    this.out.u32(this.depth - label);
  }

  call(func: number): void {
    this.out.u8(0x10);
    this.out.u32(func);
  }

  /** Calls through table 0; the function's index is on the stack above its arguments. */
  callIndirect(type: number): void {
    this.out.u8(0x11);
    this.out.u32(type);
    this.out.u8(0);
  }

  /** The body as it stands in the code section: runs of locals, then the instructions. */
  body(): Uint8Array {
    const body = new Bytes();
    const runs: [number, ValType][] = [];
    for (const type of this.locals) {
      const last = runs[runs.length - 1];
      if (last && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    body.u32(runs.length);
    for (const [count, type] of runs) {
      body.u32(count);
      body.u8(valCode[type]);
    }
    body.append(this.out.take());
    body.u8(0x0b);
    return body.take();
  }
}

interface Func {
  readonly name: string;
  readonly type: number;
  readonly body: Uint8Array;
}

/** A module of exported functions on an imported memory (`env.memory`) and, where asked for, an imported table (`env.table`). */
export class Module {
  private readonly types: string[] = [];
  private readonly typeBytes: Uint8Array[] = [];
  private readonly funcs: Func[] = [];

  constructor(
    readonly shared: boolean,
    readonly table = false,
  ) {}

  /** The number of a function type. */
  type(params: readonly ValType[], results: readonly ValType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const found = this.types.indexOf(key);
    if (found >= 0) return found;
    const bytes = new Bytes();
    bytes.u8(0x60);
    for (const list of [params, results]) {
      bytes.u32(list.length);
      for (const t of list) bytes.u8(valCode[t]);
    }
    this.typeBytes.push(bytes.take());
    return this.types.push(key) - 1;
  }

  /** Adds a function, exported under its name; returns its number for `call`. */
  func(name: string, code: Code, results: readonly ValType[] = []): number {
    return this.funcs.push({ name, type: this.type(code.params, results), body: code.body() }) - 1;
  }

  /** The finished module. */
  build(): Uint8Array<ArrayBuffer> {
    const out = new Bytes();
    out.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    section(out, 1, this.typeBytes, (b, t) => b.append(t));
    section(out, 2, this.table ? ["memory", "table"] : ["memory"], (b, what) => this.import(b, what));
    section(out, 3, this.funcs, (b, f) => b.u32(f.type));
    section(out, 7, this.funcs, (b, f, i) => {
      b.text(f.name);
      b.u8(0);
      b.u32(i);
    });
    section(out, 10, this.funcs, (b, f) => {
      b.u32(f.body.length);
      b.append(f.body);
    });
    return out.take();
  }

  private import(b: Bytes, what: string): void {
    b.text("env");
    b.text(what);
    if (what === "table") b.append(Uint8Array.of(1, 0x70, 0, 0));
    else {
      // Memory limits: the flags say that a maximum follows and whether it is shared; 65536 pages of 64 KiB are 4 GB.
      b.append(Uint8Array.of(2, this.shared ? 3 : 1, 0));
      b.u32(65536);
    }
  }
}

function section<T>(
  out: Bytes,
  id: number,
  items: readonly T[],
  write: (b: Bytes, item: T, index: number) => void,
): void {
  const b = new Bytes();
  b.u32(items.length);
  items.forEach((item, i) => {
    write(b, item, i);
  });
  out.u8(id);
  out.u32(b.length);
  out.append(b.take());
}
