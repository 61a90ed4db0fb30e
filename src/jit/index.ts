// The jit room's public names.

export { type Compiled, compile } from "./compile.js";
export { ready } from "./ready.js";
export { type StaticFunction, toStatic, type ToStaticOptions } from "./to-static.js";
