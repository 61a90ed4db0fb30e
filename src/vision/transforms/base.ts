// What transforms have in common: they are called with an image, or with a list whose first item is one; chains of them.

import { InvalidArgumentError } from "../../core/errors.js";
import { checkOptions } from "../../core/options.js";
import { CallableObject, invoke } from "../../nn/callable.js";
import type { Image } from "./image.js";

/** The option that every transform has. */
export interface TransformOptions {
  /** What the items of a list are, "image" first by default; items without a key, and items no method takes, are handed on. */
  readonly keys?: readonly string[] | null | undefined;
}

/** Anything that is called with an image. */
// biome-ignore lint/suspicious/noExplicitAny: chains hold functions of any images and give what the last one gives.
export type Transform = (input: any) => unknown;

/** How transforms are called. */
export interface Called<Out> {
  /** The list with its images transformed, all by the same parameters where a transform draws them in `_getParams`. */
  (inputs: readonly unknown[]): unknown[];
  /** The transformed image. */
  (image: Image): Out;
}

const callable: new () => object = CallableObject;

/** Functions with a prototype of their own, typed by how they are called. */
const CalledObject = callable as abstract new <Out>() => CallableObject & Called<Out>;

/**
 * The base of transforms: extend it with `_applyImage`, and `_applyMask` and the like for other keys.
 *
 * @example
 * ```ts
 * import { type NdArray, ndArray, vision } from "oarjs";
 * class Inverted extends vision.transforms.BaseTransform<NdArray> {
 *   override _applyImage(image: NdArray) {
 *     return ndArray("uint8", image.shape, Uint8Array.from(image.data as Uint8Array, (x) => 255 - x));
 *   }
 * }
 * console.log(new Inverted()(ndArray("uint8", [1, 2], Uint8Array.of(0, 255))).data); // Uint8Array [ 255, 0 ]
 * ```
 */
export abstract class BaseTransform<Out = Image> extends CalledObject<Out> {
  readonly keys: readonly string[];
  /** What `_getParams` gave for the inputs of the last call. */
  params: unknown = null;

  /** @throws InvalidArgumentError for a key that no method takes. */
  constructor(options?: TransformOptions) {
    super();
    const { keys } = checkOptions<TransformOptions>("BaseTransform", options, ["keys"]);
    this.keys = keys ?? ["image"];
    for (const key of this.keys) {
      if (this.#methodFor(key) !== undefined) continue;
      throw new InvalidArgumentError(`no method ${methodName(key)} takes "${key}".`, { op: "BaseTransform", key });
    }
  }

  /** Transforms an image. */
  abstract _applyImage(image: never): Out;

  /** Draws what all items of a call share. */
  _getParams(_inputs: readonly unknown[]): unknown {
    return null;
  }

  [invoke]([input]: [unknown]): unknown {
    const inputs: readonly unknown[] = Array.isArray(input) ? input : [input];
    this.params = this._getParams(inputs);
    const outputs = inputs.map((item, i) => {
      const key = this.keys[i];
      const method = key === undefined ? undefined : this.#methodFor(key);
      return method === undefined ? item : method.call(this, item);
    });
    return Array.isArray(input) ? outputs : outputs[0];
  }

  #methodFor(key: string): ((item: unknown) => unknown) | undefined {
    const method: unknown = Reflect.get(this, methodName(key));
    return typeof method === "function" ? (method as (item: unknown) => unknown) : undefined;
  }
}

const methodName = (key: string): string => `_apply${key.charAt(0).toUpperCase()}${key.slice(1)}`;

/** What the last of several transforms gives. */
type OutOf<T extends readonly Transform[]> = T extends readonly [...unknown[], infer Last]
  ? Last extends BaseTransform<infer Out>
    ? Out
    : Last extends (input: never) => infer Out
      ? Out
      : never
  : Image;

/**
 * Several transforms, or functions of images, one after the other.
 *
 * @example
 * ```ts
 * import { ndArray, vision } from "oarjs";
 * const { Compose, Normalize, Resize } = vision.transforms;
 * const prepare = new Compose([new Resize(14), new Normalize([127.5], [127.5])]);
 * console.log(prepare(ndArray("uint8", [28, 28], new Uint8Array(784))).shape); // [ 1, 14, 14 ]
 * ```
 */
export class Compose<const T extends readonly Transform[] = readonly Transform[]> extends CalledObject<OutOf<T>> {
  readonly transforms: T;

  /** @throws InvalidArgumentError when one of them cannot be called. */
  constructor(transforms: T) {
    super();
    transforms.forEach((transform, i) => {
      if (typeof transform === "function") return;
      throw new InvalidArgumentError(`transform ${i} cannot be called.`, { op: "Compose", position: i });
    });
    this.transforms = transforms;
  }

  [invoke]([input]: [unknown]): unknown {
    return this.transforms.reduce<unknown>((x, transform) => transform(x), input);
  }
}
