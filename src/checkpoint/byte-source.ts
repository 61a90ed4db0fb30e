// Where a codec's bytes come from: memory, or a file of which only what is asked for is read.

/** Bytes that can be read at any place. */
export interface ByteSource {
  readonly length: number;
  /** Some bytes, not to be changed. */
  read(at: number, n: number): Uint8Array;
  /** The elements of an array, in memory of their own that starts at a multiple of 8. By default as `read` gives them, copied. */
  elements?(at: number, n: number): Uint8Array;
}

/** Bytes of memory as a source. */
export const sourceOf = (bytes: Uint8Array): ByteSource => ({
  length: bytes.length,
  read: (at, n) => bytes.subarray(at, at + n),
});

/** A stretch of a source that is not read yet. */
export class Stretch {
  constructor(
    private readonly source: ByteSource,
    private readonly at: number,
    readonly length: number,
  ) {}

  /** The bytes, not to be changed. */
  read(): Uint8Array {
    return this.source.read(this.at, this.length);
  }

  /** The bytes as an array's elements. */
  elements(): Uint8Array {
    return this.source.elements?.(this.at, this.length) ?? new Uint8Array(this.read());
  }
}
