// The param room's public names.

export { type Flags, getFlags, setFlags } from "./flags.js";
export { type AttrLike, ParamAttr, type ParamAttrOptions } from "./param-attr.js";
export { Parameter } from "./parameter.js";
export type { Rate } from "./rate.js";
