// Cache keys of attributes: JSON that also tells apart the numbers JSON cannot write.

/** `x` as text, equal for equal values; unlike plain JSON it keeps NaN, the infinities and -0 apart. */
export const keyOf = (x: unknown): string =>
  JSON.stringify(x, (_, v: unknown) =>
    typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0)) ? `#${Object.is(v, -0) ? "-0" : v}` : v,
  );
