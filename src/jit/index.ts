// The jit room's public names.

export { type Compiled, compile } from "./compile.js";
