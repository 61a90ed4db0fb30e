// Extents known only when a Program runs: stand-in numbers while it is built, replaced by sizes that were fed or read.

import { InvalidArgumentError } from "./errors.js";
import type { Shape } from "./shape.js";

/**
 * Large primes no real extent is a multiple of by accident. Shapes and attributes derived from an unknown extent by multiplication
 * carry the prime as a factor, so that they can be rewritten for the size that is fed.
 */
const axes: readonly number[] = [
  1000003, 1000033, 1000037, 1000039, 1000081, 1000099, 1000117, 1000121, 1000133, 1000151,
];

/** Those for sizes that are read in the middle of a run, in order. */
const reads: number[] = [];

/**
 * Extents that depend on unknown ones and are no multiples of them: `p + 3`, `floor(p / 2)`. They stand for themselves, so that what was
 * added can be taken away again; their sizes are learned where the ops that made them are inferred for a run.
 */
const derived = new Set<number>();

/** Smaller numbers are no extents that depend on unknown ones, or too small to tell from others. */
const smallest = 400_000;

/** The stand-in for the size that a Program reads `n`-th, from 0. */
export function readStandIn(n: number): number {
  while (reads.length <= n) reads.push(primeAfter(reads.at(-1) ?? axes.at(-1)!));
  return reads[n]!;
}

/** Which read size a stand-in stands for, counted from 0; -1 for other numbers. */
export const readNumber = (standIn: number): number => reads.indexOf(standIn);

/** Whether an extent may depend on unknown ones without being a multiple of them; {@link noteDerived} then tells. */
export const mayBeDerived = (extent: number): boolean => extent >= smallest && standInOf(extent) === undefined;

/** Notes an extent that depends on unknown ones. */
export function noteDerived(extent: number): void {
  derived.add(extent);
}

/** Whether an extent was noted so. */
export const isDerived = (extent: number): boolean => derived.has(extent);

/** A stand-in that divides a number. */
function standInOf(n: number): number | undefined {
  if (!Number.isInteger(n) || Math.abs(n) < smallest) return undefined;
  if (derived.has(n)) return n;
  const divides = (p: number): boolean => n % p === 0;
  const prime = axes.find(divides) ?? reads.find(divides);
  if (prime !== undefined) return prime;
  for (const p of derived) if (divides(p)) return p;
  return undefined;
}

/** Adds to `found` the stand-ins that runs learn, of read sizes and derived extents, in numbers at any depth of `x`. */
export function collectLearned(x: unknown, found: Set<number>): void {
  mapNumbers(x, (n) => {
    if (standInOf(n) !== undefined) for (const p of [...reads, ...derived]) if (n % p === 0) found.add(p);
    return n;
  });
}

/** A number with every unknown extent in it twice as large: what changes with it depends on one. */
export function doubled(n: number): number {
  let [out, rest] = [n, n];
  for (let p = standInOf(rest); p !== undefined; p = standInOf(rest)) {
    rest /= p;
    out *= 2;
  }
  return out;
}

/** The next prime after an odd number. */
function primeAfter(n: number): number {
  for (let p = n + 2; ; p += 2) {
    let d = 3;
    while (d * d <= p && p % d !== 0) d += 2;
    if (d * d > p) return p;
  }
}

/** The same with other numbers, at any depth of arrays and records. */
export function mapNumbers<T>(x: T, f: (n: number) => number): T {
  if (typeof x === "number") return f(x) as T;
  if (Array.isArray(x)) return Array.from(x, (v) => mapNumbers(v, f)) as T;
  if (typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype)
    return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, mapNumbers(v, f)])) as T;
  return x;
}

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

/** The extent as users know it: -1 when unknown. */
export const publicExtent = (n: number): number => (standInOf(n) === undefined ? n : -1);

/** A shape that shows its unknown extents as -1. */
export const shown = (shape: Shape): Shape =>
  !(shape instanceof SymbolicShape) && shape.some((n) => standInOf(n) !== undefined)
    ? SymbolicShape.from(shape)
    : shape;

/** Gives each -1 of a declared shape a stand-in; axis i of every input takes the i-th prime, so that batches of one Program agree. */
export function standIn(shape: Shape): Shape {
  const out = shape.map((n, i) => (n === -1 ? axes[i % axes.length]! : n));
  return shown(out);
}

/** Sizes for stand-ins, by prime. */
export class Sizes {
  private readonly byPrime = new Map<number, number>();
  /** Stand-ins that were fed in two sizes: extents of two inputs that only happen to stand on the same axis. */
  private readonly ambiguous = new Map<number, string>();

  /** Notes that a declared shape was fed as `actual`. */
  learn(name: string, declared: Shape, actual: Shape): void {
    declared.forEach((n, i) => {
      if (!axes.includes(n)) return;
      const known = this.byPrime.get(n);
      if (known !== undefined && known !== actual[i])
        this.ambiguous.set(n, `axis ${i} was fed as ${known} and, for "${name}", as ${actual[i]}`);
      this.byPrime.set(n, actual[i]!);
    });
  }

  /** Notes the extents of an op's output that are learned from it. */
  learnDerived(declared: Shape, actual: Shape): void {
    declared.forEach((n, i) => {
      if (!derived.has(n)) return;
      const known = this.byPrime.get(n);
      if (known !== undefined && known !== actual[i])
        this.ambiguous.set(n, `extents computed in different ways are ${known} and ${actual[i]}`);
      this.byPrime.set(n, actual[i]!);
    });
  }

  /** The same sizes, apart from what is learned later. */
  copy(): Sizes {
    const out = new Sizes();
    for (const [p, n] of this.byPrime) out.byPrime.set(p, n);
    for (const [p, why] of this.ambiguous) out.ambiguous.set(p, why);
    return out;
  }

  /** These sizes, and one that was read. */
  with(standIn: number, size: number): Sizes {
    const out = this.copy();
    out.byPrime.set(standIn, size);
    return out;
  }

  /** A number with every stand-in of a known size replaced. Throws when its size is not clear. */
  number(n: number): number {
    if (standInOf(n) === undefined) return n;
    let out = n;
    const exact = this.byPrime.get(n);
    for (const [prime, size] of exact === undefined ? this.byPrime : [[n, exact] as const]) {
      let times = 0;
      for (; out !== 0 && out % prime === 0; out /= prime) times++;
      if (times === 0) continue;
      const why = this.ambiguous.get(prime);
      if (why !== undefined) {
        throw new InvalidArgumentError(`an op was given an unknown extent as a number, and ${why}.`, {
          op: "Executor.run",
          hint: "use -1 or 0 in reshape, or ops that take a tensor's shape (expandAs, viewAs), where extents of inputs differ.",
        });
      }
      out *= size ** times;
    }
    return out;
  }

  /** Attributes with every stand-in in them replaced, at any depth. */
  attrs<T>(x: T): T {
    return mapNumbers(x, (n) => this.number(n));
  }

  /** A shape with every stand-in replaced. */
  shape(shape: Shape): Shape {
    return Array.from(shape, (n) => this.number(n));
  }
}
