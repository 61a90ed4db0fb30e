// Tests of .npy and .npz: files that NumPy wrote, round trips, damaged files, and files made to hurt.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type DType, dtypeNames, dtypes } from "../core/dtype.js";
import { OarError } from "../core/errors.js";
import { type NdArray, emptyData, ndArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { writeNpyHeader } from "./npy-header.js";
import { readNpy, writeNpy } from "./npy.js";
import { readNpz, writeNpz } from "./npz.js";

const folder = fileURLToPath(new URL("../../test/fixtures/npy", import.meta.url));
const file = (name: string) => new Uint8Array(readFileSync(`${folder}/${name}`));

interface Expected {
  readonly arrays: Readonly<
    Record<string, { readonly shape: number[]; readonly values: (number | string | [number, number])[] }>
  >;
  readonly refused: readonly string[];
}
const expected = JSON.parse(readFileSync(`${folder}/expected.json`, "utf8")) as Expected;

/** Value of a float16 bit pattern, by the format's definition. */
function halfToNumber(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Elements in the form of expected.json. */
function listed({ dtype, data }: NdArray, name: string): unknown[] {
  const flat = Array.from<number | bigint>(data as ArrayLike<number | bigint>);
  if (dtypes[dtype].kind === "complex") {
    return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  }
  if (dtype === "float16") return flat.map((bits) => halfToNumber(Number(bits)));
  return /^[iu][48]/.test(name) ? flat.map(String) : flat.map(Number);
}

const dtypeOf: Readonly<Record<string, DType>> = {
  ...{ f2: "float16", f4: "float32", f8: "float64", i1: "int8", u1: "uint8", i2: "int16", i4: "int32", i8: "int64" },
  ...{ u2: "bfloat16", u4: "int64", u8: "int64", c8: "complex64", c16: "complex128", bool: "bool" },
};

describe("reading what NumPy wrote", () => {
  for (const [name, { shape, values }] of Object.entries(expected.arrays)) {
    it(name, () => {
      const array = readNpy(file(`${name}.npy`));
      expect(array.shape).toEqual(shape);
      expect(array.dtype).toBe(dtypeOf[name.split("_")[0]!] ?? "float32");
      expect(listed(array, name)).toEqual(values);
    });
  }

  it("takes ml_dtypes' two-byte void as bfloat16", () => {
    expect(readNpy(file("ml_dtypes_bfloat16.npy"))).toEqual(
      ndArray("bfloat16", [3], Uint16Array.of(0, 0x3f80, 0xbf80)),
    );
  });

  it("takes uint16 as numbers when asked", () => {
    const array = readNpy(file("u2.npy"), { uint16: "int32" });
    expect(array).toEqual(ndArray("int32", [3], Int32Array.of(0, 16256, 65535)));
  });

  for (const name of expected.refused) {
    it(`refuses ${name}`, () => {
      expect(() => readNpy(file(`${name}.npy`))).toThrow(expect.objectContaining({ name: "UnimplementedError" }));
    });
  }

  it("says why an object array is refused", () => {
    expect(() => readNpy(file("object.npy"))).toThrow(/pickled Python objects, which are never executed/);
  });

  it("reads stored and deflated archives", () => {
    const w = readNpy(file("f4.npy"));
    const b = readNpy(file("vector.npy"));
    expect({ ...readNpz(file("stored.npz")) }).toEqual({ w, b });
    expect({ ...readNpz(file("zip64.npz")) }).toEqual({ w, b });
    expect({ ...readNpz(file("deflated.npz")) }).toEqual({
      w,
      b,
      zeros: ndArray("float32", [1000], new Float32Array(1000)),
    });
  });
});

/** Any array, of any dtype, with random bits. */
const anyArray: fc.Arbitrary<NdArray> = fc
  .tuple(
    fc.constantFrom(...dtypeNames),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    fc.infiniteStream(fc.nat(255)),
  )
  .map(([dtype, shape, random]) => {
    const data = emptyData(dtype, sizeOf(shape));
    const bytes = new Uint8Array(data.buffer);
    for (let i = 0; i < bytes.length; i++) bytes[i] = dtype === "bool" ? random.next().value & 1 : random.next().value;
    return ndArray(dtype, shape, data);
  });

const bytesOf = ({ data }: NdArray) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

describe("writing", () => {
  it("gives NumPy's bytes", () => {
    for (const name of ["f4", "f8", "f2", "i1", "u1", "u2", "i8", "bool", "c8", "scalar", "vector", "empty"]) {
      expect(writeNpy(readNpy(file(`${name}.npy`))), name).toEqual(file(`${name}.npy`));
    }
  });

  it("reads back every dtype and shape bit for bit", () => {
    fc.assert(
      fc.property(anyArray, (array) => {
        const back = readNpy(writeNpy(array));
        expect([back.dtype, back.shape]).toEqual([array.dtype, array.shape]);
        expect(bytesOf(back)).toEqual(bytesOf(array));
      }),
    );
  });

  it("writes a view's own elements only", () => {
    const data = new Float32Array([1, 2, 3, 4]).subarray(1, 3);
    expect(readNpy(writeNpy({ dtype: "float32", shape: [2], data }))).toEqual(
      ndArray("float32", [2], Float32Array.of(2, 3)),
    );
  });

  it("reads back archives, stored and deflated, with any names", () => {
    const arrays = {
      "layer.0/weight": readNpy(file("f4.npy")),
      ö: readNpy(file("i8.npy")),
      "": readNpy(file("bool.npy")),
    };
    for (const compressed of [false, true]) expect({ ...readNpz(writeNpz(arrays, { compressed })) }).toEqual(arrays);
    const zeros = { zeros: ndArray("float32", [10000], new Float32Array(10000)) };
    expect(writeNpz(zeros, { compressed: true }).length).toBeLessThan(1000);
    expect(writeNpz(zeros)).toEqual(writeNpz(zeros));
  });

  it("keeps a member called __proto__ an ordinary one", () => {
    const arrays = Object.fromEntries([["__proto__", readNpy(file("vector.npy"))]]);
    expect(Object.keys(readNpz(writeNpz(arrays)))).toEqual(["__proto__"]);
  });

  it("refuses data that does not fit the shape", () => {
    expect(() => writeNpy({ dtype: "float32", shape: [3], data: new Float32Array(2) })).toThrow(
      /does not fit its shape/,
    );
  });
});

/** Runs a read; anything but a result or an error made on purpose fails the test. */
function outcome(read: () => unknown): "read" | OarError {
  try {
    read();
    return "read";
  } catch (error) {
    if (error instanceof OarError) return error;
    throw error;
  }
}

describe("damaged files", () => {
  it("every truncation of a .npy names the byte", () => {
    const whole = file("c16_big_fortran.npy");
    for (let length = 0; length < whole.length; length++) {
      const error = outcome(() => readNpy(whole.subarray(0, length)));
      expect(error, `${length} bytes`).toMatchObject({ name: "InvalidArgumentError", fields: { format: "npy" } });
      expect((error as OarError).fields.offset, `${length} bytes`).toBeLessThanOrEqual(length);
    }
  });

  it("every truncation of an archive is noticed", () => {
    for (const name of ["stored.npz", "deflated.npz"]) {
      const whole = file(name);
      for (let length = 0; length < whole.length; length++) {
        expect(
          outcome(() => readNpz(whole.subarray(0, length))),
          `${name} ${length}`,
        ).toBeInstanceOf(OarError);
      }
    }
  });

  it("every flipped bit gives a result or a typed error", () => {
    for (const name of ["f4.npy", "i2_big.npy", "stored.npz", "deflated.npz"]) {
      const bytes = file(name);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        outcome(() => (name.endsWith("z") ? readNpz(bytes) : readNpy(bytes)));
        bytes[bit >> 3]! ^= 1 << (bit & 7);
      }
    }
  });

  it("a flipped bit of an archived array is always noticed", () => {
    const bytes = file("stored.npz");
    const content = file("f4.npy");
    const start = bytes.findIndex((_, i) => content.every((b, j) => bytes[i + j] === b));
    fc.assert(
      fc.property(fc.nat(content.length * 8 - 1), (bit) => {
        const damaged = bytes.slice();
        damaged[start + (bit >> 3)]! ^= 1 << (bit & 7);
        expect(outcome(() => readNpz(damaged))).toMatchObject({ message: expect.stringContaining("wrong checksum") });
      }),
    );
  });

  it("any bytes, also after the magic, give a result or a typed error", () => {
    const magic = writeNpyHeader("<f4", [2]).subarray(0, 8);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        outcome(() => readNpy(bytes));
        outcome(() => readNpz(bytes));
        outcome(() => readNpy(Uint8Array.of(...magic, ...bytes)));
      }),
      { numRuns: 500 },
    );
  });

  it("bytes after the array are refused", () => {
    expect(() => readNpy(Uint8Array.of(...file("f4.npy"), 0))).toThrow(/1 bytes follow the array/);
  });
});

describe("files made to hurt", () => {
  const header = (dict: string) => {
    const bytes = new Uint8Array(10 + dict.length);
    bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, dict.length & 255, dict.length >> 8]);
    for (let i = 0; i < dict.length; i++) bytes[10 + i] = dict.charCodeAt(i);
    return bytes;
  };

  it("a shape larger than the file takes no memory", () => {
    for (const shape of [
      "(9007199254740991,)",
      "(94906267, 94906267)",
      "(1000000, 1000000, 0, 9007199254740991)",
      "(-1,)",
      "(1e9,)",
    ]) {
      const bytes = header(`{'descr': '<f8', 'fortran_order': False, 'shape': ${shape}, }\n`);
      expect(
        outcome(() => readNpy(bytes)),
        shape,
      ).toMatchObject({ name: "InvalidArgumentError" });
    }
  });

  it("a header is parsed, never evaluated", () => {
    for (const dict of [
      "__import__('os').system('true')",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
      "{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}",
      `{'descr': '<f4', 'fortran_order': False, 'shape': ${"(".repeat(5000)}`,
    ]) {
      expect(
        outcome(() => readNpy(header(dict))),
        dict,
      ).toMatchObject({ name: "InvalidArgumentError" });
    }
  });

  it("a deflated member cannot claim more than deflate could give", () => {
    const bytes = file("deflated.npz");
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 46 < bytes.length; at++)
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 0xfffffff0, true);
    expect(() => readNpz(bytes)).toThrow(/deflated bytes claim 4294967280/);
  });

  it("members that overlap are refused", () => {
    const bytes = file("stored.npz");
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 46 < bytes.length; at++) {
      if (view.getUint32(at, true) !== 0x02014b50) continue;
      for (const field of [20, 24]) view.setUint32(at + field, bytes.length - 1, true);
    }
    expect(() => readNpz(bytes)).toThrow(/members claim/);
  });
});

test("bytes may be a Node Buffer, whose slice shares memory", () => {
  const file = writeNpy({ dtype: "float32", shape: [2], data: Float32Array.of(1, 2) });
  expect([...readNpy(Buffer.from(file)).data]).toEqual([1, 2]);
});
