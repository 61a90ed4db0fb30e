// ParamAttr: what a user says about a parameter before it exists, in every form Paddle accepts.

import { InvalidArgumentError } from "../core/errors.js";
import { describe, isOptions, splitOptions, type Trailing } from "../core/options.js";
import { Initializer } from "./initializer.js";
import { checkRate, type Rate } from "./rate.js";
import { WeightDecayRegularizer } from "./regularizer.js";

/** Arguments of {@link ParamAttr}; undefined and null mean not given. */
export interface ParamAttrOptions {
  /** The parameter's name; the same name in the same name scope is the same parameter. */
  readonly name?: string | null | undefined;
  /** First value; by default the layer's. */
  readonly initializer?: Initializer | null | undefined;
  /** Factor of the optimizer's learning rate, 1 by default; 0 keeps the parameter as it is. */
  readonly learningRate?: Rate | undefined;
  /** Takes the place of the optimizer's weight decay. */
  readonly regularizer?: WeightDecayRegularizer | null | undefined;
  /** False: no gradient, no update. */
  readonly trainable?: boolean | undefined;
  /** Only for model averaging. */
  readonly doModelAverage?: boolean | undefined;
  /** False: the optimizer's gradient clipping leaves it alone and does not count it. */
  readonly needClip?: boolean | undefined;
}

const keys = ["name", "initializer", "learningRate", "regularizer", "trainable", "doModelAverage", "needClip"] as const;

/** The settings of a parameter that a {@link ParamAttr} may hold. */
export type AttrKey = (typeof keys)[number];

/** Everything that layers take as `weightAttr`, `biasAttr` or `paramAttr`. */
export type AttrLike =
  | ParamAttr
  | ParamAttrOptions
  | Initializer
  | WeightDecayRegularizer
  | string
  | boolean
  | null
  | undefined;

/**
 * Attributes of a parameter. One object may serve several parameters and is never changed.
 *
 * @throws InvalidArgumentError for an empty name or a value of a wrong type.
 * @example
 * ```ts
 * import { nn, ParamAttr, regularizer } from "oarjs";
 * const attr = new ParamAttr({ name: "word_embedding", learningRate: 0.1, regularizer: new regularizer.L2Decay(1e-4) });
 * const words = new nn.Embedding(1000, 16, { weightAttr: attr });
 * console.log(words.weight.name, words.weight.learningRate); // word_embedding 0.1
 * ```
 */
export class ParamAttr {
  readonly name: string | undefined;
  readonly initializer: Initializer | undefined;
  readonly learningRate: Rate;
  readonly regularizer: WeightDecayRegularizer | null;
  readonly trainable: boolean;
  readonly doModelAverage: boolean;
  readonly needClip: boolean;
  /** The settings that were given; the others are defaults. */
  readonly given: ReadonlySet<AttrKey>;

  /** Whether only helpers of `static.nn` can make it, because it is no single parameter. */
  readonly forHelpers: boolean = false;

  constructor(...rest: Trailing<string | null, ParamAttrOptions>) {
    const o = splitOptions<ParamAttrOptions>("ParamAttr", rest, keys);
    this.name = o.name ?? undefined;
    this.initializer = o.initializer ?? undefined;
    this.learningRate = o.learningRate ?? 1;
    this.regularizer = o.regularizer ?? null;
    this.trainable = o.trainable ?? true;
    this.doModelAverage = o.doModelAverage ?? true;
    this.needClip = o.needClip ?? true;
    this.given = new Set(keys.filter((key) => o[key] !== undefined && o[key] !== null));
    this.check();
  }

  private check(): void {
    const refuse = (key: AttrKey, what: string, got: unknown = this[key]): never => {
      throw new InvalidArgumentError(`${key} must be ${what}, got ${describe(got)}.`, { op: "ParamAttr", key });
    };
    if (this.name !== undefined && (typeof this.name !== "string" || this.name === ""))
      refuse("name", "a non-empty string");
    if (this.initializer !== undefined && !(this.initializer instanceof Initializer))
      refuse("initializer", "one of nn.initializer");
    checkRate(this.learningRate, "learningRate", "ParamAttr");
    if (this.regularizer !== null && !(this.regularizer instanceof WeightDecayRegularizer))
      refuse("regularizer", "an L1Decay or L2Decay");
    for (const key of ["trainable", "doModelAverage", "needClip"] as const)
      if (typeof this[key] !== "boolean") refuse(key, "a boolean");
  }
}

/**
 * Any accepted form as a ParamAttr; false stays false: there is no such parameter.
 *
 * @throws InvalidArgumentError for anything else.
 */
export function toParamAttr(attr: AttrLike, op: string): ParamAttr | false {
  if (attr === undefined || attr === null || attr === true) return new ParamAttr();
  if (attr === false || attr instanceof ParamAttr) return attr;
  if (typeof attr === "string") return new ParamAttr({ name: attr });
  if (attr instanceof Initializer) return new ParamAttr({ initializer: attr });
  if (attr instanceof WeightDecayRegularizer) return new ParamAttr({ regularizer: attr });
  if (isOptions(attr)) return new ParamAttr(attr as ParamAttrOptions);
  throw new InvalidArgumentError(`${describe(attr)} is no parameter attribute.`, {
    op,
    hint: "pass a ParamAttr, a name, an Initializer, a regularizer, true, or false for no parameter.",
  });
}

/**
 * Attributes for `n` parameters: one attribute serves all, a list has one for each (or one for all).
 *
 * @throws InvalidArgumentError when the list has another length.
 */
export function toParamAttrs(attr: AttrLike | readonly AttrLike[], n: number, op: string): (ParamAttr | false)[] {
  const list = Array.isArray(attr) ? (attr as readonly AttrLike[]) : [attr as AttrLike];
  if (list.length !== 1 && list.length !== n) {
    throw new InvalidArgumentError(`there are ${list.length} attributes for ${n} parameters.`, { op });
  }
  return Array.from({ length: n }, (_, i) => toParamAttr(list.length === 1 ? list[0] : list[i], op));
}

/** `weightAttr` and its alias `paramAttr`, of which at most one may be given. */
export function aliasedAttr(weightAttr: AttrLike, paramAttr: AttrLike, op: string): AttrLike {
  if (weightAttr !== undefined && paramAttr !== undefined) {
    throw new InvalidArgumentError("weightAttr and paramAttr are the same setting; give one of them.", { op });
  }
  return weightAttr ?? paramAttr;
}
