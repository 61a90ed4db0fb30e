// Scopes that a callback or `using` opens and closes: name guards, flags, program guards.

import { InvalidArgumentError, PreconditionNotMetError } from "./errors.js";

/** The result of a scope's callback, which must not be a promise: the scope would be closed before the promise is done. */
export type Synchronous<R> = R extends PromiseLike<unknown> ? never : R;

interface OpenScope {
  readonly api: string;
  readonly site: string;
  open: boolean;
}

/** Scopes opened by `using` that are still open, outermost first. */
const openScopes: OpenScope[] = [];

/**
 * Opens a scope, runs `fn`, closes the scope.
 *
 * @param enter opens the scope and gives the function that closes it
 * @param hint the cure in the message
 * @throws InvalidArgumentError when `fn` returns a promise.
 */
export function runScope<R>(
  api: string,
  enter: () => () => void,
  fn: () => Synchronous<R>,
  hint = "make the callback synchronous, and await outside of it.",
): R {
  const leave = enter();
  try {
    const result = fn() as R;
    if (isPromise(result)) {
      throw new InvalidArgumentError("the callback returned a promise, and the scope ends before it is done.", {
        op: api,
        hint,
      });
    }
    return result;
  } finally {
    leave();
  }
}

/**
 * Opens a scope that `using` (or `[Symbol.dispose]()`) closes. Scopes end in reverse order, before the current microtask does.
 *
 * @throws PreconditionNotMetError when a scope is closed out of order; the same error, thrown on its own, when it is left open.
 */
export function openScope(api: string, enter: () => () => void): Disposable {
  const scope: OpenScope = { api, site: callSite(), open: true };
  const leave = enter();
  openScopes.push(scope);
  queueMicrotask(() => {
    if (!scope.open) return;
    close(scope, leave);
    throw new PreconditionNotMetError(`a guard was still open when its synchronous code ended${scope.site}.`, {
      op: api,
      hint: "write `using guard = …` in a synchronous block, or pass a callback.",
    });
  });
  return {
    [Symbol.dispose]() {
      if (!scope.open) return;
      const inner = openScopes[openScopes.length - 1]!;
      if (inner !== scope) {
        throw new PreconditionNotMetError(`the guard opened${inner.site} must be closed before this one.`, { op: api });
      }
      close(scope, leave);
    },
  };
}

function close(scope: OpenScope, leave: () => void): void {
  scope.open = false;
  openScopes.splice(openScopes.indexOf(scope), 1);
  leave();
}

const isPromise = (x: unknown): boolean =>
  typeof x === "object" && x !== null && typeof (x as { then?: unknown }).then === "function";

/** Where the caller of the public function stands, as ` at file:line`. */
function callSite(): string {
  const line = new Error().stack?.split("\n")[4]?.trim();
  return line === undefined ? "" : ` (${line})`;
}
