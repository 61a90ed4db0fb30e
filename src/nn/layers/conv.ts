// Convolution layers and transposed convolution layers over one, two and three axes.

import { InvalidArgumentError } from "../../core/errors.js";
import { describe, splitOptions, type Trailing } from "../../core/options.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  conv3d,
  conv3dTranspose,
  type ConvTransposeOptions,
} from "../functional/conv.js";
import { pad } from "../functional/padding.js";
import { channelsLast, type Padding, type PerAxis, perAxis, type SpatialFormat } from "../functional/spatial.js";
import { Normal } from "../initializer/normal.js";
import { Layer } from "../layer.js";
import { inPython } from "./repr.js";

/** Options of convolution layers. */
export interface ConvLayerOptions {
  /** Distance of the kernel's places. Default 1. */
  readonly stride?: PerAxis | undefined;
  /** Elements added around the input. Default 0. */
  readonly padding?: Padding | undefined;
  /** Distance of the kernel's taps. Default 1. */
  readonly dilation?: PerAxis | undefined;
  /** Groups of channels that do not see each other. Default 1. */
  readonly groups?: number | undefined;
  /** What is added: zeros (default), or the input mirrored, repeated at its edge, or from its other end. */
  readonly paddingMode?: "zeros" | "reflect" | "replicate" | "circular" | undefined;
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** False: no bias. */
  readonly biasAttr?: AttrLike;
  /** Channels first (default) or last. */
  readonly dataFormat?: SpatialFormat | undefined;
}

/** Options of transposed convolution layers. */
export interface ConvTransposeLayerOptions extends Omit<ConvLayerOptions, "paddingMode"> {
  /** Elements added at the end of each axis of the result. Default 0. */
  readonly outputPadding?: PerAxis | undefined;
}

const common = [
  "stride",
  "padding",
  "dilation",
  "groups",
  "weightAttr",
  "paramAttr",
  "biasAttr",
  "dataFormat",
] as const;
const convKeys = [...common, "paddingMode"] as const;
const transposeKeys = [...common, "outputPadding"] as const;

type Rest = Trailing<PerAxis, ConvLayerOptions>;
type OutputSize = Pick<ConvTransposeOptions, "outputSize">;
type SizeRest = Trailing<PerAxis | null, OutputSize>;
type TransposeRest = Trailing<PerAxis, ConvTransposeLayerOptions>;

const formats = ["NCL", "NCHW", "NCDHW"] as const;

/** What all convolution layers have in common: their parameters and how they print. */
class ConvBase extends Layer {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: Padding;
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly paddingMode: NonNullable<ConvLayerOptions["paddingMode"]>;
  readonly outputPadding: PerAxis;
  readonly dataFormat: SpatialFormat;
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    scope: string | null,
    api: string,
    axes: number,
    [inChannels, outChannels, kernelSize]: readonly [number, number, PerAxis],
    o: ConvLayerOptions & ConvTransposeLayerOptions,
    transposed: boolean,
  ) {
    super(scope);
    const { groups = 1, paddingMode = "zeros", padding = 0 } = o;
    for (const [name, n] of Object.entries({ inChannels, outChannels, groups })) {
      if (!Number.isInteger(n) || n < 1)
        throw new InvalidArgumentError(`${name} must be a positive integer, got ${n}.`, { op: api });
    }
    if (inChannels % groups !== 0 || (transposed && outChannels % groups !== 0))
      throw new InvalidArgumentError(
        `${inChannels} channels to ${outChannels} cannot be split into ${groups} groups.`,
        {
          op: api,
        },
      );
    if (!["zeros", "reflect", "replicate", "circular"].includes(paddingMode))
      throw new InvalidArgumentError(
        `paddingMode must be "zeros", "reflect", "replicate" or "circular", got ${describe(paddingMode)}.`,
        { op: api },
      );
    if (paddingMode !== "zeros" && typeof padding !== "number")
      throw new InvalidArgumentError(`paddingMode "${paddingMode}" needs one number as padding.`, { op: api });
    channelsLast(o.dataFormat, axes, api);
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perAxis(kernelSize, axes, "kernelSize", api);
    this.stride = perAxis(o.stride ?? 1, axes, "stride", api);
    this.padding = padding;
    this.dilation = perAxis(o.dilation ?? 1, axes, "dilation", api);
    this.groups = groups;
    this.paddingMode = paddingMode;
    this.outputPadding = o.outputPadding ?? 0;
    this.dataFormat = o.dataFormat ?? formats[axes - 1]!;
    const [first, second] = transposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups];
    const elements = this.kernelSize.reduce((a, b) => a * b, inChannels);
    this.weight = this.requireParameter([first, second, ...this.kernelSize], {
      attr: aliasedAttr(o.weightAttr, o.paramAttr, api),
      ...(transposed ? {} : { defaultInitializer: new Normal(0, Math.sqrt(2 / elements)) }),
    });
    this.bias = this.createParameter([outChannels], { attr: o.biasAttr, isBias: true });
  }

  /** What the function takes beside input and weight. */
  protected get settings() {
    const { bias, stride, padding, dilation, groups, dataFormat } = this;
    return { bias, stride, padding, dilation, groups, dataFormat };
  }

  override extraRepr(): string {
    const parts = [`${this.inChannels}, ${this.outChannels}, kernel_size=${inPython(this.kernelSize)}`];
    if (this.stride.some((n) => n !== 1)) parts.push(`stride=${inPython(this.stride)}`);
    if (this.padding !== 0) parts.push(`padding=${inPython(this.padding)}`);
    if (this.paddingMode !== "zeros") parts.push(`padding_mode=${this.paddingMode}`);
    if (this.outputPadding !== 0) parts.push(`output_padding=${inPython(this.outputPadding)}`);
    if (this.dilation.some((n) => n !== 1)) parts.push(`dilation=${inPython(this.dilation)}`);
    if (this.groups !== 1) parts.push(`groups=${this.groups}`);
    parts.push(`data_format=${this.dataFormat}`);
    return parts.join(", ");
  }
}

/** The input with its own elements around it, where zeros will not do. */
function padded(layer: ConvBase, x: Tensor): { x: Tensor; padding: Padding } {
  const { paddingMode, padding } = layer;
  if (paddingMode === "zeros") return { x, padding };
  const sides = new Array<number>(2 * layer.kernelSize.length).fill(padding as number);
  return { x: pad(x, sides, { mode: paddingMode, dataFormat: layer.dataFormat }), padding: 0 };
}

/**
 * Convolution over one axis: {@link Conv2D} for `[n, channels, length]`.
 *
 * @throws InvalidArgumentError for channels that groups do not divide, and inputs that do not fit.
 */
export class Conv1D extends ConvBase {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...rest: Rest) {
    const o = splitOptions<ConvLayerOptions>("Conv1D", rest, convKeys);
    super(new.target === Conv1D ? "conv1d" : null, "Conv1D", 1, [inChannels, outChannels, kernelSize], o, false);
  }

  override forward(input: Tensor): Tensor {
    const { x, padding } = padded(this, input);
    return conv1d(x, this.weight, { ...this.settings, padding });
  }
}

/**
 * Convolution over two axes of `[n, channels, height, width]`, weight `[out, in / groups, …kernel]` (drawn from N(0, 2 / (in · kernel
 * elements))) and bias `[out]`.
 *
 * @throws InvalidArgumentError for channels that groups do not divide, and inputs that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * const conv = new nn.Conv2D(3, 8, 3, { padding: 1 });
 * console.log(conv(ones([2, 3, 5, 5])).shape); // [2, 8, 5, 5]
 * ```
 */
export class Conv2D extends ConvBase {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...rest: Rest) {
    const o = splitOptions<ConvLayerOptions>("Conv2D", rest, convKeys);
    super(new.target === Conv2D ? "conv2d" : null, "Conv2D", 2, [inChannels, outChannels, kernelSize], o, false);
  }

  override forward(input: Tensor): Tensor {
    const { x, padding } = padded(this, input);
    return conv2d(x, this.weight, { ...this.settings, padding });
  }
}

/** Convolution over three axes: {@link Conv2D} for `[n, channels, depth, height, width]`. */
export class Conv3D extends ConvBase {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...rest: Rest) {
    const o = splitOptions<ConvLayerOptions>("Conv3D", rest, convKeys);
    super(new.target === Conv3D ? "conv3d" : null, "Conv3D", 3, [inChannels, outChannels, kernelSize], o, false);
  }

  override forward(input: Tensor): Tensor {
    const { x, padding } = padded(this, input);
    return conv3d(x, this.weight, { ...this.settings, padding });
  }
}

/** Transposed convolution over one axis: {@link Conv2DTranspose} for `[n, channels, length]`. */
export class Conv1DTranspose extends ConvBase {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...rest: TransposeRest) {
    const o = splitOptions<ConvTransposeLayerOptions>("Conv1DTranspose", rest, transposeKeys);
    const scope = new.target === Conv1DTranspose ? "conv1d_transpose" : null;
    super(scope, "Conv1DTranspose", 1, [inChannels, outChannels, kernelSize], o, true);
  }

  /** `outputSize`: the length wanted, instead of outputPadding. */
  override forward(x: Tensor, ...rest: SizeRest): Tensor {
    return conv1dTranspose(x, this.weight, { ...this.settings, ...sized(this, rest) });
  }
}

/**
 * Transposed convolution over two axes of `[n, channels, height, width]`, weight `[in, out / groups, …kernel]` and bias `[out]`.
 *
 * @throws InvalidArgumentError for channels that groups do not divide, and inputs that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(new nn.Conv2DTranspose(3, 2, 2, { stride: 2 })(ones([1, 3, 4, 4])).shape); // [1, 2, 8, 8]
 * ```
 */
export class Conv2DTranspose extends ConvBase {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...rest: TransposeRest) {
    const o = splitOptions<ConvTransposeLayerOptions>("Conv2DTranspose", rest, transposeKeys);
    const scope = new.target === Conv2DTranspose ? "conv2d_transpose" : null;
    super(scope, "Conv2DTranspose", 2, [inChannels, outChannels, kernelSize], o, true);
  }

  /** `outputSize`: the extents wanted, instead of outputPadding. */
  override forward(x: Tensor, ...rest: SizeRest): Tensor {
    return conv2dTranspose(x, this.weight, { ...this.settings, ...sized(this, rest) });
  }
}

/** Transposed convolution over three axes: {@link Conv2DTranspose} for `[n, channels, depth, height, width]`. */
export class Conv3DTranspose extends ConvBase {
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, ...rest: TransposeRest) {
    const o = splitOptions<ConvTransposeLayerOptions>("Conv3DTranspose", rest, transposeKeys);
    const scope = new.target === Conv3DTranspose ? "conv3d_transpose" : null;
    super(scope, "Conv3DTranspose", 3, [inChannels, outChannels, kernelSize], o, true);
  }

  /** `outputSize`: the extents wanted, instead of outputPadding. */
  override forward(x: Tensor, ...rest: SizeRest): Tensor {
    return conv3dTranspose(x, this.weight, { ...this.settings, ...sized(this, rest) });
  }
}

/** The result's extents or padding: what `forward` was given beats the layer's own. */
function sized(layer: ConvBase, rest: SizeRest): Pick<ConvTransposeOptions, "outputSize" | "outputPadding"> {
  const { outputSize } = splitOptions<OutputSize>("forward", rest, ["outputSize"]);
  return outputSize === undefined || outputSize === null ? { outputPadding: layer.outputPadding } : { outputSize };
}
