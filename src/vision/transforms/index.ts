// vision.transforms: from images to what networks read.

export { BaseTransform, Compose, type Transform, type TransformOptions } from "./base.js";
export { adjustBrightness, adjustContrast, adjustHue, type GrayscaleOptions, toGrayscale } from "./color.js";
export {
  CenterCrop,
  Grayscale,
  Normalize,
  type NormalizeOptions,
  Pad,
  Resize,
  ToTensor,
  Transpose,
  type TransposeOptions,
} from "./fixed.js";
export {
  centerCrop,
  crop,
  type Fill,
  hflip,
  type ImagePadding,
  pad,
  type PaddingMode,
  type PadOptions,
  vflip,
} from "./geometry.js";
export type { Image, Size } from "./image.js";
export {
  BrightnessTransform,
  ColorJitter,
  type ColorJitterOptions,
  ContrastTransform,
  HueTransform,
  type Jitter,
  SaturationTransform,
} from "./jitter.js";
export {
  type ChanceOptions,
  RandomCrop,
  type RandomCropOptions,
  RandomErasing,
  type RandomErasingOptions,
  RandomHorizontalFlip,
  RandomResizedCrop,
  type RandomResizedCropOptions,
  RandomVerticalFlip,
  type Range,
} from "./random.js";
export { type Interpolation, resize, type ResizeOptions } from "./resize.js";
export {
  erase,
  type EraseOptions,
  type ImageLayout,
  type ImageToTensorOptions,
  normalize,
  type NormalizeImageOptions,
  toTensor,
} from "./values.js";
