// The flags that decide between Oar's parameter rules and Python Paddle's, as users set them.

export { type Flags, getFlags, isStrictPaddle, setFlags } from "../core/flags.js";
