// Callable objects: a class whose instances are functions, so that a layer is called like one.

/** Answers the call of an instance. */
export const invoke = Symbol("invoke");

/**
 * An object of the class's prototype that is also a function: calling it runs its `[invoke]`. The function's own `name` and `length`
 * are removed, so that a subclass may have fields of those names.
 */
export class CallableObject {
  constructor() {
    const self = (...args: unknown[]): unknown => (self as { [invoke]?: (args: unknown[]) => unknown })[invoke]!(args);
    Reflect.deleteProperty(self, "name");
    Reflect.deleteProperty(self, "length");
    // biome-ignore lint/correctness/noConstructorReturn: the object is the function; nothing else makes one of a class's prototype.
    return Object.setPrototypeOf(self, new.target.prototype) as CallableObject;
  }
}
