// Whether ops are recorded for gradients.

const mode = { enabled: true };

/** Whether ops are recorded now. */
export const isGradEnabled = (): boolean => mode.enabled;

/** Runs `fn` with recording on or off. */
export function withGrad<R>(enabled: boolean, fn: () => R): R {
  const before = mode.enabled;
  mode.enabled = enabled;
  try {
    return fn();
  } finally {
    mode.enabled = before;
  }
}

/** Turns recording on or off until further notice. */
export function setGradEnabled(enabled: boolean): void {
  mode.enabled = enabled;
}
