// The header of a .npy file: magic, version, and a Python dict literal with descr, fortran_order and shape. Never evaluated.
// Format: numpy.lib.format, versions 1.0, 2.0 (longer header) and 3.0 (UTF-8 header).

import { UnimplementedError } from "../core/errors.js";
import { sizeOf } from "../core/shape.js";
import { corrupt } from "./corrupt.js";

/** What a header says. */
export interface NpyHeader {
  /** NumPy's type code, as in `<f4`. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Byte at which the elements start. */
  readonly dataOffset: number;
}

/** NumPy's own limit. */
const maxRank = 64;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** Whether bytes start as a .npy file does. */
export const hasNpyMagic = (bytes: Uint8Array): boolean => magic.every((b, i) => bytes[i] === b);

/**
 * Reads a header.
 *
 * @param format what messages call the file
 * @throws InvalidArgumentError with the byte offset when it is damaged, UnimplementedError for structured types and for
 *   versions above 3.
 */
export function readNpyHeader(bytes: Uint8Array, format: string): NpyHeader {
  if (!hasNpyMagic(bytes)) throw corrupt(format, 0, "the magic \\x93NUMPY is missing");
  const version = bytes[6];
  const lengthBytes = version === 1 ? 2 : 4;
  const textOffset = 8 + lengthBytes;
  if (version === undefined || bytes.length < textOffset)
    throw corrupt(format, bytes.length, "the file ends in its header");
  if (version < 1 || version > 3)
    throw new UnimplementedError(`version ${version} of the format is unknown.`, { op: format });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = lengthBytes === 2 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataOffset = textOffset + length;
  if (dataOffset > bytes.length) {
    throw corrupt(format, bytes.length, `the header of ${length} bytes is cut off`);
  }
  const text = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(bytes.subarray(textOffset, dataOffset));
  return { ...new HeaderParser(text, textOffset, format).dict(), dataOffset };
}

/** Writes a header of version 1, padded with spaces so that the elements start at a multiple of 64. */
export function writeNpyHeader(descr: string, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const total = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(total).fill(0x20);
  bytes.set(magic);
  bytes.set([1, 0], 6);
  new DataView(bytes.buffer).setUint16(8, total - 10, true);
  for (let i = 0; i < text.length; i++) bytes[10 + i] = text.charCodeAt(i);
  bytes[total - 1] = 0x0a;
  return bytes;
}

type Literal = string | boolean | number | readonly Literal[];

/** A parser for just the Python literals a header may hold: strings, True, False, integers, tuples, lists. */
class HeaderParser {
  private position = 0;
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly base: number,
    private readonly format: string,
  ) {}

  dict(): Omit<NpyHeader, "dataOffset"> {
    const entries = new Map<string, Literal>();
    this.expect("{");
    while (!this.accept("}")) {
      const key = this.literal();
      if (typeof key !== "string" || entries.has(key)) throw this.error("a header key is no string or comes twice");
      this.expect(":");
      entries.set(key, this.literal());
      if (!this.accept(",")) {
        this.expect("}");
        break;
      }
    }
    if (this.rest() !== "") throw this.error("text follows the header's dict");
    return this.checked(entries);
  }

  private checked(entries: ReadonlyMap<string, Literal>): Omit<NpyHeader, "dataOffset"> {
    const descr = entries.get("descr");
    const fortranOrder = entries.get("fortran_order");
    const shape = entries.get("shape");
    if (entries.size !== 3 || descr === undefined || typeof fortranOrder !== "boolean" || !Array.isArray(shape)) {
      throw this.error("the header must hold descr, fortran_order and shape");
    }
    if (typeof descr !== "string") {
      throw new UnimplementedError("structured element types are not supported.", { op: this.format });
    }
    if (!shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
      throw this.error("the shape must be a tuple of integers from 0 up");
    }
    if (shape.length > maxRank || !Number.isSafeInteger(sizeOf(shape.filter((n) => n > 0)))) {
      throw this.error(`the shape has more than ${maxRank} axes or 2^53 elements`);
    }
    return { descr, fortranOrder, shape };
  }

  private literal(): Literal {
    this.rest();
    const c = this.text[this.position];
    if (c === "'" || c === '"') return this.string(c);
    if (c === "(") return this.sequence(")");
    if (c === "[") return this.sequence("]");
    const word = /^(?:True|False|-?\d{1,19}L?)/.exec(this.text.slice(this.position, this.position + 24))?.[0];
    if (word === undefined) throw this.error("a string, number, bool or tuple is expected");
    this.position += word.length;
    return word === "True" || word === "False" ? word === "True" : Number.parseInt(word, 10);
  }

  private string(quote: string): string {
    const end = this.text.indexOf(quote, this.position + 1);
    if (end === -1) throw this.error("a string does not end");
    const value = this.text.slice(this.position + 1, end);
    this.position = end + 1;
    return value;
  }

  private sequence(close: string): Literal[] {
    // Structured types nest a few levels; more is an attack on the stack.
    if (++this.depth > 16) throw this.error("tuples are nested too deep");
    this.position++;
    const items: Literal[] = [];
    while (!this.accept(close)) {
      items.push(this.literal());
      if (!this.accept(",")) {
        this.expect(close);
        break;
      }
    }
    this.depth--;
    return items;
  }

  private rest(): string {
    while (/\s/.test(this.text[this.position] ?? "")) this.position++;
    return this.text.slice(this.position, this.position + 1);
  }

  private accept(token: string): boolean {
    if (this.rest() !== token) return false;
    this.position += token.length;
    return true;
  }

  private expect(token: string): void {
    if (!this.accept(token)) throw this.error(`${token} is expected`);
  }

  private error(problem: string) {
    return corrupt(this.format, this.base + this.position, problem);
  }
}
