// Images as transforms see them: rows of pixels of channels, and what every transform checks first.

import { type DType, dtypes, type TypedArray } from "../../core/dtype.js";
import { InvalidArgumentError, UnimplementedError } from "../../core/errors.js";
import { emptyData, isNdArray, type NdArray } from "../../core/nd-array.js";
import { describe } from "../../core/options.js";
import { formatShape, type Shape } from "../../core/shape.js";
import { Tensor } from "../../tensor/tensor.js";

/**
 * An array `[height, width]` or `[height, width, channels]`, or a tensor `[channels, height, width]`. uint8 arrays are treated as Paddle
 * treats PIL's images, bit for bit; float arrays keep their range.
 */
export type Image = NdArray | Tensor;

/** One number for both, or height and width. */
export type Size = number | readonly [height: number, width: number];

/** An array image taken apart. */
export interface Pixels {
  readonly dtype: DType;
  readonly height: number;
  readonly width: number;
  /** 1 where the array has no axis of channels. */
  readonly channels: number;
  readonly data: { readonly [index: number]: number; readonly length: number };
  /** The array's shape with another height and width. */
  shaped(height: number, width: number): Shape;
}

const numeric = (dtype: DType): boolean => dtypes[dtype].kind !== "complex" && dtype !== "int64";

/**
 * Takes an array image apart.
 *
 * @throws InvalidArgumentError for other ranks and for what is no array; UnimplementedError for tensors.
 */
export function pixelsOf(api: string, image: Image): Pixels {
  if (image instanceof Tensor) {
    throw new UnimplementedError("a tensor was given, this transform takes arrays.", {
      op: api,
      hint: "Put it before ToTensor.",
    });
  }
  if (!isNdArray(image)) {
    throw new InvalidArgumentError(`an image is an NdArray or a tensor, got ${describe(image)}.`, { op: api });
  }
  const { dtype, shape, data } = image;
  const [height, width, channels = 1] = shape;
  if (height === undefined || width === undefined || shape.length > 3 || !numeric(dtype)) {
    throw new InvalidArgumentError(
      `an image is [height, width] or [height, width, channels] of real numbers, got ${dtype}${formatShape(shape)}.`,
      { op: api, shape, dtype },
    );
  }
  const shaped = (h: number, w: number): Shape => (shape.length === 2 ? [h, w] : [h, w, channels]);
  return { dtype, height, width, channels, data: data as Exclude<TypedArray, BigInt64Array>, shaped };
}

/** Checks that a tensor is an image; gives its height and width. */
export function extentsOfTensor(api: string, image: Tensor): [height: number, width: number] {
  const { shape } = image;
  if (shape.length !== 3 && shape.length !== 4) {
    throw new InvalidArgumentError(`a tensor image is [channels, height, width], got ${formatShape(shape)}.`, {
      op: api,
      shape,
    });
  }
  return shape.slice(-2) as [number, number];
}

/** Height and width of any image. */
export function extentsOf(api: string, image: Image): [height: number, width: number] {
  if (image instanceof Tensor) return extentsOfTensor(api, image);
  const { height, width } = pixelsOf(api, image);
  return [height, width];
}

/** A new array to be filled. 16-bit floats are bits, which no transform computes with. */
export function newImage(dtype: DType, shape: Shape): NdArray & { readonly data: Float32Array | Uint8Array } {
  const data = emptyData(
    dtype,
    shape.reduce((a, b) => a * b, 1),
  );
  return { dtype, shape, data } as NdArray & { readonly data: Float32Array | Uint8Array };
}

/** Height and width from one number or two. Throws InvalidArgument for others than positive integers. */
export function sizeOfBoth(api: string, size: Size): [height: number, width: number] {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  const positive = (n: unknown): boolean => Number.isInteger(n) && (n as number) > 0;
  if (typeof size !== "number" && size.length !== 2) throw badSize(api, size);
  if (!positive(height) || !positive(width)) throw badSize(api, size);
  return [height, width];
}

const badSize = (api: string, size: Size): InvalidArgumentError =>
  new InvalidArgumentError(`size must be a positive integer or two, got ${JSON.stringify(size)}.`, { op: api, size });

/** Python's round: halves go to the even neighbour. */
export function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

/** Whether 0 <= p <= 1. Throws InvalidArgument otherwise. */
export function requireProbability(api: string, prob: number): number {
  if (prob >= 0 && prob <= 1) return prob;
  throw new InvalidArgumentError(`prob must be from 0 to 1, got ${prob}.`, { op: api, parameter: "prob" });
}
