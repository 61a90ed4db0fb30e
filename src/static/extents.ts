// Unknown extents (-1) of static variables: stand-in numbers while a Program is built, replaced by the fed sizes when it runs.

import { InvalidArgumentError } from "../core/errors.js";
import type { Shape } from "../core/shape.js";

/**
 * Large primes no real extent is a multiple of by accident. Shapes and attributes derived from an unknown extent by multiplication
 * carry the prime as a factor, so that they can be rewritten for the size that is fed.
 */
const primes: readonly number[] = [
  1000003, 1000033, 1000037, 1000039, 1000081, 1000099, 1000117, 1000121, 1000133, 1000151,
];

/** Shapes print unknown extents as -1 although they compute with stand-ins. */
export class SymbolicShape extends Array<number> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  override toString(): string {
    return Array.from(this, publicExtent).join(",");
  }

  override join(separator?: string): string {
    return Array.from(this, publicExtent).join(separator);
  }

  toJSON(): number[] {
    return Array.from(this, publicExtent);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): number[] {
    return this.toJSON();
  }
}

/** Which prime divides an extent, or -1. */
function primeOf(n: number): number {
  if (!Number.isInteger(n) || Math.abs(n) < primes[0]!) return -1;
  return primes.findIndex((p) => n % p === 0);
}

/** The extent as users know it: -1 when unknown. */
export const publicExtent = (n: number): number => (primeOf(n) >= 0 ? -1 : n);

/** Gives each -1 of a declared shape a stand-in; axis i of every input takes the i-th prime, so that batches of one Program agree. */
export function standIn(shape: Shape): number[] {
  const out = shape.map((n, i) => (n === -1 ? primes[i % primes.length]! : n));
  return out.some((n) => primeOf(n) >= 0) ? SymbolicShape.from(out) : out;
}

/** Sizes for stand-ins, by prime. */
export class Sizes {
  private readonly byPrime = new Map<number, number>();
  /** Stand-ins that were fed in two sizes: extents of two inputs that only happen to stand on the same axis. */
  private readonly ambiguous = new Map<number, string>();

  /** Notes that a declared shape was fed as `actual`. */
  learn(name: string, declared: Shape, actual: Shape): void {
    declared.forEach((n, i) => {
      const p = primeOf(n);
      if (p < 0 || n !== primes[p]) return;
      const known = this.byPrime.get(n);
      if (known !== undefined && known !== actual[i])
        this.ambiguous.set(n, `axis ${i} was fed as ${known} and, for "${name}", as ${actual[i]}`);
      this.byPrime.set(n, actual[i]!);
    });
  }

  /** A number with every stand-in replaced. Throws when its size is not clear. */
  resolve(n: number): number {
    let out = n;
    for (let p = primeOf(out); p >= 0; p = primeOf(out)) {
      const prime = primes[p]!;
      const size = this.byPrime.get(prime);
      if (size === undefined) return out;
      const why = this.ambiguous.get(prime);
      if (why !== undefined) {
        throw new InvalidArgumentError(`an op was given an unknown extent as a number, and ${why}.`, {
          op: "Executor.run",
          hint: "use -1 or 0 in reshape, or ops that take a tensor's shape (expandAs, viewAs), where extents of inputs differ.",
        });
      }
      out = (out / prime) * size;
      if (size === 0) return 0;
    }
    return out;
  }

  /** Attributes with every stand-in in them replaced, at any depth. */
  attrs<T>(x: T): T {
    if (typeof x === "number") return this.resolve(x) as T;
    if (Array.isArray(x)) return Array.from(x, (v) => this.attrs(v)) as T;
    if (typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype) {
      return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, this.attrs(v)])) as T;
    }
    return x;
  }

  /** A shape with every stand-in replaced. */
  shape(shape: Shape): Shape {
    return Array.from(shape, (n) => this.resolve(n));
  }
}
