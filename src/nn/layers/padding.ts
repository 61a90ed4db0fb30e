// Padding layers: constant, zero, mirrored, repeated and circular, for one, two and three spatial axes.

import { splitOptions, type Trailing } from "../../core/options.js";
import { type IntsLike, intsOf } from "../../tensor/arguments.js";
import type { Tensor } from "../../tensor/tensor.js";
import { pad, type PadFormat, type PadMode } from "../functional/padding.js";
import { Layer } from "../layer.js";

/** Options of padding layers. */
export interface PadFormatOptions {
  /** Which axes are spatial. Default channels first. */
  readonly dataFormat?: PadFormat | undefined;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

/** Options of {@link Pad1D} and its kin. */
export interface PadLayerOptions extends PadFormatOptions {
  /** Default "constant". */
  readonly mode?: PadMode | undefined;
  /** What constant padding holds. Default 0. */
  readonly value?: number | undefined;
}

/** `[before, after]` for each spatial axis, the last axis first; one number pads all sides alike. */
export type PadAmounts = number | IntsLike;

/** The common part: {@link pad} with settings of its own. */
export class PadLayer extends Layer {
  readonly padding: readonly number[];
  readonly mode: PadMode;
  readonly value: number;
  readonly dataFormat: PadFormat;

  constructor(scope: string | null, padding: PadAmounts, format: PadFormat, mode: PadMode, value = 0) {
    super(scope);
    const sides = 2 * (format.length - 2);
    this.padding = typeof padding === "number" ? new Array<number>(sides).fill(padding) : intsOf(padding, "pad");
    this.mode = mode;
    this.value = value;
    this.dataFormat = format;
  }

  override forward(x: Tensor): Tensor {
    return pad(x, this.padding, { mode: this.mode, value: this.value, dataFormat: this.dataFormat });
  }

  override extraRepr(): string {
    const value = Number.isInteger(this.value) ? this.value.toFixed(1) : String(this.value);
    return `padding=[${this.padding.join(", ")}], mode=${this.mode}, value=${value}, data_format=${this.dataFormat}`;
  }
}

type PadRest = Trailing<PadMode, PadLayerOptions>;
type FormatRest = Trailing<PadFormat, PadFormatOptions>;

function settings(api: string, rest: PadRest, format: PadFormat): [PadFormat, PadMode, number | undefined] {
  const o = splitOptions<PadLayerOptions>(api, rest, ["mode", "value", "dataFormat", "name"]);
  return [o.dataFormat ?? format, o.mode ?? "constant", o.value];
}

const formatOf = (api: string, rest: FormatRest, format: PadFormat): PadFormat =>
  splitOptions<PadFormatOptions>(api, rest, ["dataFormat", "name"]).dataFormat ?? format;

/**
 * Padding of one spatial axis: `[before, after]`.
 *
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(new nn.Pad1D([1, 2])(ones([1, 1, 3])).shape); // [1, 1, 6]
 * ```
 */
export class Pad1D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: PadRest) {
    super(new.target === Pad1D ? "pad1d" : null, padding, ...settings("Pad1D", rest, "NCL"));
  }
}

/** Padding of two spatial axes: `[left, right, top, bottom]`. */
export class Pad2D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: PadRest) {
    super(new.target === Pad2D ? "pad2d" : null, padding, ...settings("Pad2D", rest, "NCHW"));
  }
}

/** Padding of three spatial axes: `[left, right, top, bottom, front, back]`. */
export class Pad3D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: PadRest) {
    super(new.target === Pad3D ? "pad3d" : null, padding, ...settings("Pad3D", rest, "NCDHW"));
  }
}

/** Zeros around one spatial axis. */
export class ZeroPad1D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(new.target === ZeroPad1D ? "zero_pad1d" : null, padding, formatOf("ZeroPad1D", rest, "NCL"), "constant");
  }
}

/** Zeros around two spatial axes. */
export class ZeroPad2D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(new.target === ZeroPad2D ? "zero_pad2d" : null, padding, formatOf("ZeroPad2D", rest, "NCHW"), "constant");
  }
}

/** Zeros around three spatial axes. */
export class ZeroPad3D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(new.target === ZeroPad3D ? "zero_pad3d" : null, padding, formatOf("ZeroPad3D", rest, "NCDHW"), "constant");
  }
}

/** Mirrored interior around one spatial axis. */
export class ReflectionPad1D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === ReflectionPad1D ? "reflection_pad1d" : null,
      padding,
      formatOf("ReflectionPad1D", rest, "NCL"),
      "reflect",
    );
  }
}

/** Mirrored interior around two spatial axes. */
export class ReflectionPad2D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === ReflectionPad2D ? "reflection_pad2d" : null,
      padding,
      formatOf("ReflectionPad2D", rest, "NCHW"),
      "reflect",
    );
  }
}

/** Mirrored interior around three spatial axes. */
export class ReflectionPad3D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === ReflectionPad3D ? "reflection_pad3d" : null,
      padding,
      formatOf("ReflectionPad3D", rest, "NCDHW"),
      "reflect",
    );
  }
}

/** Repeated edges around one spatial axis. */
export class ReplicationPad1D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === ReplicationPad1D ? "replication_pad1d" : null,
      padding,
      formatOf("ReplicationPad1D", rest, "NCL"),
      "replicate",
    );
  }
}

/** Repeated edges around two spatial axes. */
export class ReplicationPad2D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === ReplicationPad2D ? "replication_pad2d" : null,
      padding,
      formatOf("ReplicationPad2D", rest, "NCHW"),
      "replicate",
    );
  }
}

/** Repeated edges around three spatial axes. */
export class ReplicationPad3D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === ReplicationPad3D ? "replication_pad3d" : null,
      padding,
      formatOf("ReplicationPad3D", rest, "NCDHW"),
      "replicate",
    );
  }
}

/** The other end around one spatial axis. */
export class CircularPad1D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === CircularPad1D ? "circular_pad1d" : null,
      padding,
      formatOf("CircularPad1D", rest, "NCL"),
      "circular",
    );
  }
}

/** The other end around two spatial axes. */
export class CircularPad2D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === CircularPad2D ? "circular_pad2d" : null,
      padding,
      formatOf("CircularPad2D", rest, "NCHW"),
      "circular",
    );
  }
}

/** The other end around three spatial axes. */
export class CircularPad3D extends PadLayer {
  constructor(padding: PadAmounts, ...rest: FormatRest) {
    super(
      new.target === CircularPad3D ? "circular_pad3d" : null,
      padding,
      formatOf("CircularPad3D", rest, "NCDHW"),
      "circular",
    );
  }
}

/** `value` around one spatial axis. */
export class ConstantPad1D extends PadLayer {
  constructor(padding: PadAmounts, value: number, ...rest: FormatRest) {
    super(
      new.target === ConstantPad1D ? "constant_pad1d" : null,
      padding,
      formatOf("ConstantPad1D", rest, "NCL"),
      "constant",
      value,
    );
  }
}

/** `value` around two spatial axes. */
export class ConstantPad2D extends PadLayer {
  constructor(padding: PadAmounts, value: number, ...rest: FormatRest) {
    super(
      new.target === ConstantPad2D ? "constant_pad2d" : null,
      padding,
      formatOf("ConstantPad2D", rest, "NCHW"),
      "constant",
      value,
    );
  }
}

/** `value` around three spatial axes. */
export class ConstantPad3D extends PadLayer {
  constructor(padding: PadAmounts, value: number, ...rest: FormatRest) {
    super(
      new.target === ConstantPad3D ? "constant_pad3d" : null,
      padding,
      formatOf("ConstantPad3D", rest, "NCDHW"),
      "constant",
      value,
    );
  }
}
