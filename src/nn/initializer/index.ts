// The public names of `nn.initializer`.

export { Initializer } from "../../param/initializer.js";
export { Assign } from "./assign.js";
export { Bilinear } from "./bilinear.js";
export { Constant, type ConstantOptions } from "./constant.js";
export { Dirac, type DiracOptions } from "./dirac.js";
export { calculateGain } from "./gain.js";
export { setGlobalInitializer } from "./global.js";
export { KaimingNormal, type KaimingOptions, KaimingUniform } from "./kaiming.js";
export { Normal, type NormalOptions, TruncatedNormal, type TruncatedNormalOptions } from "./normal.js";
export { Uniform, type UniformOptions } from "./uniform.js";
export { XavierNormal, type XavierOptions, XavierUniform } from "./xavier.js";
export { Orthogonal, type OrthogonalOptions } from "./orthogonal.js";
