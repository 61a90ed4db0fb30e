// The part of ZIP that archives of arrays need: stored and deflated members with their checksums, read without trust.
// Format: PKWARE APPNOTE 6.3.10; NumPy's archives use its 64-bit fields.

import { inflateSync, zipSync } from "fflate";
import { UnimplementedError } from "../core/errors.js";
import { corrupt } from "./corrupt.js";

/** One member's place in an archive. */
interface Entry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
  /** Where the directory describes it, for messages. */
  readonly at: number;
}

/** Deflate cannot expand its input by more: a larger claim is a lie about the size. */
const maxRatio = 1032;

/**
 * Reads all members of a ZIP archive, checking sizes before memory is taken and every checksum after.
 *
 * @throws InvalidArgumentError with the byte offset when it is damaged; UnimplementedError for encryption and other methods.
 */
export function readZip(bytes: Uint8Array, format: string): Map<string, Uint8Array> {
  const reader = new Reader(bytes, format);
  const members = new Map<string, Uint8Array>();
  const entries = reader.directory();
  const packed = entries.reduce((sum, entry) => sum + entry.packed, 0);
  // Members that overlap would let a small file ask for any amount of memory.
  if (packed > bytes.length) throw corrupt(format, 0, `members claim ${packed} bytes of ${bytes.length}`);
  for (const entry of entries) {
    if (members.has(entry.name)) throw corrupt(format, entry.at, `member ${JSON.stringify(entry.name)} comes twice`);
    if (!entry.name.endsWith("/")) members.set(entry.name, reader.member(entry));
  }
  return members;
}

/** Writes a ZIP archive, deflated or stored, with a fixed date so that equal arrays give equal bytes. */
export function writeZip(members: ReadonlyMap<string, Uint8Array>, compressed: boolean, format: string): Uint8Array {
  let total = 0;
  for (const data of members.values()) total += data.length;
  if (total >= 2 ** 32 - 2 ** 20 || members.size >= 2 ** 16) {
    throw new UnimplementedError("archives of 4 GiB or 65536 members and more are not written.", { op: format, total });
  }
  const mtime = "1980-01-01T00:00:00";
  return zipSync(Object.fromEntries(members), { level: compressed ? 6 : 0, mtime });
}

class Reader {
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly format: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** All entries of the central directory. */
  directory(): Entry[] {
    let { count, offset } = this.end();
    const entries: Entry[] = [];
    for (; count > 0; count--) {
      if (this.u32(offset) !== 0x02014b50) throw corrupt(this.format, offset, "a directory entry is expected");
      const [nameLength, extraLength, commentLength] = [
        this.u16(offset + 28),
        this.u16(offset + 30),
        this.u16(offset + 32),
      ];
      entries.push(this.entry(offset, nameLength, extraLength));
      offset += 46 + nameLength + extraLength + commentLength;
    }
    return entries;
  }

  /** One member's content. */
  member({ name, flags, method, crc, packed, size, offset, at }: Entry): Uint8Array {
    if (flags & 1)
      throw new UnimplementedError(`member ${JSON.stringify(name)} is encrypted.`, { op: this.format, name });
    if (this.u32(offset) !== 0x04034b50) throw corrupt(this.format, offset, "a member's header is expected");
    const start = offset + 30 + this.u16(offset + 26) + this.u16(offset + 28);
    const data = this.slice(start, packed);
    const content = this.unpack(name, data, method, size, start, at);
    if (crc32(content) !== crc)
      throw corrupt(this.format, start, `member ${JSON.stringify(name)} has a wrong checksum`);
    return content;
  }

  private unpack(name: string, data: Uint8Array, method: number, size: number, start: number, at: number): Uint8Array {
    if (method === 0) {
      if (size !== data.length)
        throw corrupt(this.format, at, `a stored member of ${data.length} bytes claims ${size}`);
      return data;
    }
    if (method !== 8) {
      throw new UnimplementedError(`member ${JSON.stringify(name)} uses compression method ${method}.`, {
        op: this.format,
      });
    }
    if (size > data.length * maxRatio) throw corrupt(this.format, at, `${data.length} deflated bytes claim ${size}`);
    let content: Uint8Array;
    try {
      content = inflateSync(data, { out: new Uint8Array(size) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw corrupt(this.format, start, `member ${JSON.stringify(name)} cannot be inflated (${reason})`);
    }
    if (content.length === size) return content;
    throw corrupt(
      this.format,
      start,
      `member ${JSON.stringify(name)} gives ${content.length} bytes instead of ${size}`,
    );
  }

  private entry(at: number, nameLength: number, extraLength: number): Entry {
    const name = new TextDecoder().decode(this.slice(at + 46, nameLength));
    let [packed, size, offset] = [this.u32(at + 20), this.u32(at + 24), this.u32(at + 42)];
    // 64-bit fields stand in the extra field 1, in this order, for those that are all ones here.
    let wide = this.extraField(at + 46 + nameLength, extraLength, 1);
    const widened = (value: number) => {
      if (value !== 0xffffffff || wide === undefined) return value;
      wide += 8;
      return this.u64(wide - 8);
    };
    size = widened(size);
    packed = widened(packed);
    offset = widened(offset);
    return {
      name,
      flags: this.u16(at + 8),
      method: this.u16(at + 10),
      crc: this.u32(at + 16),
      packed,
      size,
      offset,
      at,
    };
  }

  private extraField(start: number, length: number, id: number): number | undefined {
    for (let at = start; at + 4 <= start + length; at += 4 + this.u16(at + 2)) if (this.u16(at) === id) return at + 4;
    return undefined;
  }

  /** The end record: it is the last thing in the file but for a comment of at most 65535 bytes. */
  private end(): { count: number; offset: number } {
    const last = this.bytes.length - 22;
    for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
      if (this.u32(at) !== 0x06054b50 || at + 22 + this.u16(at + 20) !== this.bytes.length) continue;
      if (at >= 20 && this.u32(at - 20) === 0x07064b50) return this.wideEnd(this.u64(at - 12));
      return { count: this.u16(at + 10), offset: this.u32(at + 16) };
    }
    throw corrupt(
      this.format,
      Math.max(0, this.bytes.length),
      "the archive's directory is missing: no ZIP file, or cut off",
    );
  }

  private wideEnd(at: number): { count: number; offset: number } {
    if (this.u32(at) !== 0x06064b50) throw corrupt(this.format, at, "the 64-bit end record is expected");
    const count = this.u64(at + 32);
    if (count * 46 > this.bytes.length) throw corrupt(this.format, at, `a directory of ${count} entries does not fit`);
    return { count, offset: this.u64(at + 48) };
  }

  private u16(at: number): number {
    return this.view.getUint16(this.checked(at, 2), true);
  }

  private u32(at: number): number {
    return this.view.getUint32(this.checked(at, 4), true);
  }

  private u64(at: number): number {
    return this.u32(at) + this.u32(at + 4) * 2 ** 32;
  }

  private slice(at: number, length: number): Uint8Array {
    return this.bytes.subarray(this.checked(at, length), at + length);
  }

  private checked(at: number, length: number): number {
    if (at + length <= this.bytes.length) return at;
    throw corrupt(this.format, Math.min(at, this.bytes.length), `${length} bytes are expected, the file ends`);
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = -1;
  for (let i = 0; i < bytes.length; i++) c = crcTable[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}
