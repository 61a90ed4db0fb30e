// Einstein summation: planned on the host, computed by matrix products.

import { InvalidArgumentError } from "../core/errors.js";
import { publicExtent } from "../core/extents.js";
import { formatShape } from "../core/shape.js";
import { multiply } from "../ops/arithmetic.js";
import { matmul } from "../ops/matmul.js";
import { transpose } from "../ops/movement.js";
import { sumOver } from "../ops/reduction.js";
import { joinAxes } from "../ops/vector.js";
import { reshape } from "../ops/views.js";
import type { Tensor } from "./tensor.js";

/** A tensor with a label for each axis. Labels of an ellipsis are upper-case digits of their distance from the last. */
interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

const fail = (message: string, equation: string): InvalidArgumentError =>
  new InvalidArgumentError(message, { op: "einsum", equation });

/** The labels of one operand; `...` stands for as many axes as are left. */
function labelsOf(term: string, rank: number, equation: string): string[] {
  const dots = term.indexOf("...");
  const letters = [...term.replace("...", "")];
  if (letters.some((c) => !/[A-Za-z]/.test(c))) throw fail(`"${term}" has something that is no letter.`, equation);
  const free = rank - letters.length;
  if (dots < 0 ? free !== 0 : free < 0)
    throw fail(`"${term}" names ${letters.length} axes, the operand has ${rank}.`, equation);
  if (dots < 0) return letters;
  const broadcast = Array.from({ length: free }, (_, i) => `.${free - i}`);
  return [...letters.slice(0, dots), ...broadcast, ...letters.slice(dots)];
}

/** Output labels where the equation gives none: those that occur once, in alphabetic order, after the ellipsis. */
function impliedOutput(terms: readonly (readonly string[])[]): string[] {
  const all = terms.flat();
  const dots = [...new Set(all.filter((c) => c.startsWith(".")))].sort().reverse();
  const once = all.filter((c) => !c.startsWith(".") && all.indexOf(c) === all.lastIndexOf(c)).sort();
  return [...dots, ...once];
}

/** Diagonals of repeated labels. */
function joined({ x, labels }: Labelled): Labelled {
  const distinct = [...new Set(labels)];
  if (distinct.length === labels.length) return { x, labels };
  const axes = labels.map((c) => distinct.indexOf(c));
  return { x: joinAxes(x, axes), labels: distinct };
}

/** Sums over labels that nothing else needs. */
function reducedTo({ x, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((c, a) => (needed.has(c) ? [] : [a]));
  if (axes.length === 0) return { x, labels };
  const summed = sumOver(x, axes, false);
  return { x: summed.dtype === x.dtype ? summed : summed.astype(x.dtype), labels: labels.filter((c) => needed.has(c)) };
}

/** Axes of extent 1 that are wider in the other operand: left out, since they broadcast. */
function withoutOnes(a: Labelled, b: Labelled): Labelled {
  const wide = (c: string): boolean => b.labels.includes(c) && b.x.shape[b.labels.indexOf(c)] !== 1;
  const drop = a.labels.map((c, axis) => a.x.shape[axis] === 1 && wide(c));
  if (!drop.includes(true)) return a;
  const keep = <T>(list: readonly T[]): T[] => list.filter((_, i) => !drop[i]);
  return { x: reshape(a.x, keep(a.x.shape)), labels: keep(a.labels) };
}

const sizes = (t: Labelled, labels: readonly string[]): number[] => labels.map((c) => t.x.shape[t.labels.indexOf(c)]!);
const product = (list: readonly number[]): number => list.reduce((p, n) => p * n, 1);

/** The operand as batches of matrices, without moving anything where the axes already stand in one of the two orders. */
function matrices(
  t: Labelled,
  batch: readonly string[],
  rows: readonly string[],
  columns: readonly string[],
): { x: Tensor; turned: boolean } {
  const same = (order: readonly string[]): boolean => order.every((c, i) => c === t.labels[i]);
  const shape = [product(sizes(t, batch)), product(sizes(t, rows)), product(sizes(t, columns))] as const;
  const turned = !same([...batch, ...rows, ...columns]) && same([...batch, ...columns, ...rows]);
  const order = turned ? t.labels : [...batch, ...rows, ...columns];
  const moved = transpose(
    t.x,
    order.map((c) => t.labels.indexOf(c)),
  );
  return { x: reshape(moved, turned ? [shape[0], shape[2], shape[1]] : [...shape]), turned };
}

/** Product of two operands, summed over labels that nothing else needs. */
function contract(first: Labelled, second: Labelled, needed: ReadonlySet<string>, equation: string): Labelled {
  const both = new Set([...needed, ...second.labels]);
  const a = reducedTo(withoutOnes(first, second), both);
  const b = reducedTo(withoutOnes(second, a), new Set([...needed, ...a.labels]));
  const shared = a.labels.filter((c) => b.labels.includes(c));
  for (const c of shared) {
    const [n, m] = [a.x.shape[a.labels.indexOf(c)], b.x.shape[b.labels.indexOf(c)]];
    if (n !== m)
      throw fail(
        `"${c}" is ${publicExtent(n!)} in ${formatShape(a.x.shape)} and ${publicExtent(m!)} in ${formatShape(b.x.shape)}.`,
        equation,
      );
  }
  const batch = shared.filter((c) => needed.has(c));
  const depth = shared.filter((c) => !needed.has(c));
  const rows = a.labels.filter((c) => !shared.includes(c));
  const columns = b.labels.filter((c) => !shared.includes(c));
  const labels = [...batch, ...rows, ...columns];
  const shape = [...sizes(a, batch), ...sizes(a, rows), ...sizes(b, columns)];
  if (depth.length === 0 && columns.length === 0 && sameOrder(a, b)) return { x: multiply(a.x, b.x), labels: a.labels };
  const left = matrices(a, batch, rows, depth);
  const right = matrices(b, batch, depth, columns);
  return { x: reshape(matmul(left.x, right.x, left.turned, right.turned), shape), labels };
}

const sameOrder = (a: Labelled, b: Labelled): boolean =>
  a.labels.length === b.labels.length && a.labels.every((c, i) => c === b.labels[i]);

/**
 * Sums of products over named axes: `einsum("ij,jk->ik", a, b)`. Letters name axes, one repeated in an operand takes its diagonal, those
 * missing on the right are summed, `...` stands for axes that broadcast; without `->` the result has the letters that occur once, in
 * alphabetic order.
 *
 * @throws InvalidArgumentError for an equation that does not fit the operands.
 * @example
 * ```ts
 * import { einsum, toTensor } from "oarjs";
 * console.log(await einsum("i,i->", toTensor([1, 2]), toTensor([3, 4])).item()); // 11
 * ```
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const [left, right, more] = equation.replaceAll(" ", "").split("->");
  const terms = left!.split(",");
  if (more !== undefined) throw fail("the equation has two arrows.", equation);
  if (terms.length !== operands.length)
    throw fail(`the equation has ${terms.length} terms for ${operands.length} operands.`, equation);
  const inputs = operands.map((x, i) => ({ x, labels: labelsOf(terms[i]!, x.shape.length, equation) }));
  const all = inputs.map((t) => t.labels);
  const output = right === undefined ? impliedOutput(all) : outputLabels(right, all.flat(), equation);
  let done = joined(inputs[0]!);
  for (let i = 1; i < inputs.length; i++) {
    const later = inputs.slice(i + 1).flatMap((t) => t.labels);
    done = contract(done, joined(inputs[i]!), new Set([...output, ...later]), equation);
  }
  const last = reducedTo(done, new Set(output));
  return transpose(
    last.x,
    output.map((c) => last.labels.indexOf(c)),
  );
}

function outputLabels(term: string, known: readonly string[], equation: string): string[] {
  const dots = new Set(known.filter((c) => c.startsWith(".")));
  const out = labelsOf(term, term.replace("...", "").length + (term.includes("...") ? dots.size : 0), equation);
  for (const c of out)
    if (!known.includes(c) || out.indexOf(c) !== out.lastIndexOf(c))
      throw fail(`"${c}" of the result must name one axis of an operand, once.`, equation);
  return out;
}
