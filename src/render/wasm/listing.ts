// Lists the functions of a WebAssembly module that this renderer made, one instruction a line, for people.

import { opcodes } from "./opcodes.js";

const names = new Map<number, string>(Object.entries(opcodes).map(([name, code]) => [code, name]));
const types: Readonly<Record<number, string>> = { 127: "i32", 126: "i64", 125: "f32", 124: "f64", 123: "v128" };

/** Sections by their numbers in the binary format. */
const TYPE = 1;
const FUNCTION = 3;
const EXPORT = 7;
const CODE = 10;

/** Reads the binary format. */
class Reader {
  at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  u8(): number {
    return this.bytes[this.at++]!;
  }

  u32(): number {
    return Number(BigInt.asUintN(32, this.leb(false)));
  }

  /** A LEB128 number of at most 64 bits. */
  leb(signed: boolean): bigint {
    let value = 0n;
    let shift = 0n;
    for (;;) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte & 0x80) continue;
      return signed && byte & 0x40 ? value - (1n << shift) : value;
    }
  }

  f32(): number {
    this.at += 4;
    return this.view.getFloat32(this.at - 4, true);
  }

  f64(): number {
    this.at += 8;
    return this.view.getFloat64(this.at - 8, true);
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/**
 * The text of a module's functions: parameters, locals, and the instructions, indented by their blocks, under WebAssembly's own names.
 *
 * @example
 * ```ts
 * console.log(listModule(emitModule([kernel], features))); // func $k0 (param i32 i32 i32 i32) …
 * ```
 */
export function listModule(bytes: Uint8Array): string {
  const sections = sectionsOf(bytes);
  const signatures = list(sections.get(TYPE), (r) => {
    r.u8();
    const params = listTypes(r);
    const results = listTypes(r);
    return `${params && ` (param ${params})`}${results && ` (result ${results})`}`;
  });
  const kinds = list(sections.get(FUNCTION), (r) => r.u32());
  const exported = new Map<number, string>();
  list(sections.get(EXPORT), (r) => {
    const name = new TextDecoder().decode(r.take(r.u32()));
    const kind = r.u8();
    const index = r.u32();
    if (kind === 0) exported.set(index, name);
  });
  const functions = list(sections.get(CODE), (r) => listFunction(new Reader(r.take(r.u32()))));
  return functions.map((text, i) => `func $${exported.get(i) ?? i}${signatures[kinds[i]!]}\n${text}`).join("\n");
}

function sectionsOf(bytes: Uint8Array): ReadonlyMap<number, Reader> {
  const reader = new Reader(bytes);
  reader.take(8);
  const sections = new Map<number, Reader>();
  while (!reader.done) sections.set(reader.u8(), new Reader(reader.take(reader.u32())));
  return sections;
}

/** The items of a vector. */
function list<T>(reader: Reader | undefined, item: (r: Reader) => T): T[] {
  return reader ? Array.from({ length: reader.u32() }, () => item(reader)) : [];
}

const listTypes = (r: Reader): string => list(r, (x) => types[x.u8()]!).join(" ");

function listFunction(r: Reader): string {
  const locals = list(r, (x) => [x.u32(), types[x.u8()]!] as const);
  const lines = locals.length > 0 ? [`  (local ${locals.map(([n, type]) => `${type} x${n}`).join(" ")})`] : [];
  let depth = 1;
  while (!r.done) {
    const text = instruction(r);
    if (text === "end" || text === "else") depth--;
    if (depth > 0) lines.push("  ".repeat(depth) + text);
    if (["block", "loop", "if", "else"].includes(text)) depth++;
  }
  return `${lines.join("\n")}\n`;
}

/** Instructions of control flow and locals, which have immediates of their own. */
const plain: Readonly<Record<number, (r: Reader) => string>> = {
  2: (r) => block(r, "block"),
  3: (r) => block(r, "loop"),
  4: (r) => block(r, "if"),
  5: () => "else",
  11: () => "end",
  12: (r) => `br ${r.u32()}`,
  13: (r) => `br_if ${r.u32()}`,
  16: (r) => `call ${r.u32()}`,
  17: (r) => `call_indirect (type ${r.u32()}) (table ${r.u32()})`,
  32: (r) => `local.get ${r.u32()}`,
  33: (r) => `local.set ${r.u32()}`,
  34: (r) => `local.tee ${r.u32()}`,
  65: (r) => `i32.const ${r.leb(true)}`,
  66: (r) => `i64.const ${r.leb(true)}`,
  67: (r) => `f32.const ${r.f32()}`,
  68: (r) => `f64.const ${r.f64()}`,
};

function block(r: Reader, name: string): string {
  r.u8();
  return name;
}

function instruction(r: Reader): string {
  const first = r.u8();
  const special = plain[first];
  if (special) return special(r);
  const code = first >= 0xfc ? first * 4096 + r.u32() : first;
  if (code === 0xfd00c) return `v128.const i32x4 ${words(r.take(16)).join(" ")}`;
  if (code === 0xfd00d) return `i8x16.shuffle ${[...r.take(16)].join(" ")}`;
  const name = names.get(code) ?? `unknown 0x${code.toString(16)}`;
  if (/(?:extract|replace)_lane/.test(name)) return `${name} ${r.u8()}`;
  if (!/\.(?:load|store|atomic)|memory\.atomic/.test(name)) return name;
  r.u32();
  const offset = r.u32();
  const lane = /(?:load|store)\d+_lane/.test(name) ? ` ${r.u8()}` : "";
  return `${name}${offset > 0 ? ` offset=${offset}` : ""}${lane}`;
}

/** Sixteen bytes as four words in hexadecimal. */
function words(bytes: Uint8Array): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [0, 4, 8, 12].map((at) => `0x${view.getUint32(at, true).toString(16).padStart(8, "0")}`);
}
