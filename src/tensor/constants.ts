// Paddle's constants.

/** Euler's number. */
export const e = Math.E;
/** The ratio of a circle's circumference to its diameter. */
export const pi = Math.PI;
/** Infinity. */
export const inf = Infinity;
/** Not a number. */
export const nan = Number.NaN;
