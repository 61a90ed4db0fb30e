// Methods from functions: `x.f(...rest)` is `f(x, ...rest)`, for every function of a family's table.

/** The methods' types for a table of functions whose first parameter is the receiver. */
export type MethodsOf<F> = {
  readonly [N in keyof F]: F[N] extends (x: infer X, ...rest: infer R) => infer O ? (this: X, ...rest: R) => O : never;
};

/** Adds a method to `prototype` for each function of the tables. */
export function installMethods(prototype: object, ...tables: readonly object[]): void {
  for (const table of tables) {
    for (const [name, fn] of Object.entries(table) as [string, (x: unknown, ...rest: unknown[]) => unknown][]) {
      Object.defineProperty(prototype, name, {
        value(this: unknown, ...rest: unknown[]): unknown {
          return fn(this, ...rest);
        },
        writable: true,
        configurable: true,
      });
    }
  }
}
