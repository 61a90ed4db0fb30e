// A picture of the mistakes, as a PNG: each digit with its label and the guess under it.

import { zlibSync } from "fflate";
import { vision } from "oarjs";
import type { Mistake } from "./mistakes.js";

const COLUMNS = 12;
/** Pixels of a tile: the digit at twice its size, and a line of text. */
const [WIDTH, HEIGHT] = [64, 76];
const DIGIT = 56;

/** Digits of 3 x 5 dots, a row after the other. */
const FONT = [
  ..."111101101101111 010110010010111 111001111100111 111001111001111 101101111001001".split(" "),
  ..."111100111001111 111100111101111 111001001001001 111101111101111 111101111001111".split(" "),
];
const GREEN = [0, 150, 0];
const RED = [220, 0, 0];

/** The bytes of a PNG with a tile for each mistake. */
export function contactSheet(mistakes: readonly Mistake[]): Uint8Array {
  const rows = Math.max(1, Math.ceil(mistakes.length / COLUMNS));
  const width = COLUMNS * WIDTH;
  const pixels = new Uint8Array(width * rows * HEIGHT * 3).fill(255);
  mistakes.forEach(({ image, label, guess }, i) => {
    const [left, top] = [(i % COLUMNS) * WIDTH + 4, Math.trunc(i / COLUMNS) * HEIGHT + 4];
    const { data } = vision.transforms.resize(image, DIGIT, "nearest");
    for (let y = 0; y < DIGIT; y++) {
      for (let x = 0; x < DIGIT; x++) dot(left + x, top + y, 1, Array(3).fill(255 - Number(data[y * DIGIT + x])));
    }
    write(label, left + 14, top + DIGIT + 2, GREEN);
    write(guess, left + 36, top + DIGIT + 2, RED);
  });
  return png(pixels, width, rows * HEIGHT);

  function dot(x: number, y: number, size: number, color: readonly number[]): void {
    for (let dy = 0; dy < size; dy++)
      for (let dx = 0; dx < size; dx++) pixels.set(color, ((y + dy) * width + x + dx) * 3);
  }
  function write(digit: number, x: number, y: number, color: readonly number[]): void {
    [...FONT[digit]!].forEach((bit, k) => {
      if (bit === "1") dot(x + (k % 3) * 2, y + Math.trunc(k / 3) * 2, 2, color);
    });
  }
}

/** PNG (ISO/IEC 15948) of 8-bit RGB: a header, the zipped rows, an end. */
function png(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([8, 2], 8);
  // Each row starts with the number of its filter: 0, none.
  const rows = new Uint8Array(height * (3 * width + 1));
  for (let y = 0; y < height; y++)
    rows.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), y * (3 * width + 1) + 1);
  const magic = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return joined([magic, chunk("IHDR", header), chunk("IDAT", zlibSync(rows)), chunk("IEND", new Uint8Array())]);
}

/** Length, type, data, and the checksum of type and data. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(type), 4);
  out.set(data, 8);
  view.setUint32(data.length + 8, crc32(out.subarray(4, data.length + 8)));
  return out;
}

/** CRC-32 with the reversed polynomial 0xEDB88320. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
