// Mathematical functions of the kernel language, gathered: each takes and returns f32 or f64 of any number of lanes.

export { i0, i0e, i1, i1e } from "./math-bessel.js";
export { erf, erfc, erfinv } from "./math-erf.js";
export { cosh, exp, exp2, expm1, sigmoid, sinh, tanh } from "./math-exp.js";
export { digamma, lgamma, polygamma } from "./math-gamma.js";
export { acosh, asinh, atanh, log, log10, log1p, log2 } from "./math-log.js";
export { pow, rsqrt } from "./math-pow.js";
export { copySign, floorDiv, fmod, remainder, roundAway } from "./math-round.js";
export { acos, asin, atan, atan2, cos, sin, sinc, tan } from "./math-trig.js";
