// The digits that were misread.

import { type NdArray, ndArray, type vision } from "oarjs";

/** An image with what it shows and what it was taken for. */
export interface Mistake {
  readonly image: NdArray<"uint8">;
  readonly label: number;
  readonly guess: number;
  /** The probability of the guess. */
  readonly certainty: number;
}

/** The images whose likeliest digit is not their label, the surest mistakes first. */
export function mistakesOf(digits: vision.datasets.MNIST, probabilities: Float32Array): Mistake[] {
  const [count, height, width] = digits.images.shape as [number, number, number];
  const found: Mistake[] = [];
  for (let i = 0; i < count; i++) {
    const row = probabilities.subarray(10 * i, 10 * (i + 1));
    const certainty = Math.max(...row);
    const guess = row.indexOf(certainty);
    const label = Number(digits.labels.data[i]);
    if (guess === label) continue;
    const pixels = digits.images.data.subarray(i * height * width, (i + 1) * height * width);
    found.push({ image: ndArray("uint8", [height, width], pixels), label, guess, certainty });
  }
  return found.sort((a, b) => b.certainty - a.certainty);
}
