// The only list of ops: every family file, and from them every record by name.

import type { OpRecord } from "../program/op.js";
import * as arithmetic from "./arithmetic.js";
import * as broadcast from "./broadcast.js";
import * as cast from "./cast.js";
import * as copy from "./copy.js";
import * as creation from "./creation.js";
import * as alongAxis from "./along-axis.js";
import * as concat from "./concat.js";
import * as extents from "./extents.js";
import * as gather from "./gather.js";
import * as movement from "./movement.js";
import * as triangle from "./triangle.js";
import * as views from "./views.js";
import * as whereIndex from "./where-index.js";
import * as setSlice from "./set-slice.js";
import * as indexMath from "./index-math.js";
import * as exponential from "./exponential.js";
import * as trigonometric from "./trigonometric.js";
import * as rounding from "./rounding.js";
import * as comparison from "./comparison.js";
import * as predicate from "./predicate.js";
import * as logic from "./logic.js";
import * as bitwise from "./bitwise.js";
import * as complexParts from "./complex-parts.js";
import * as special from "./special.js";
import * as twoNumbers from "./two-numbers.js";
import * as specialLoops from "./special-loops.js";
import * as activation from "./activation.js";
import * as piecewiseActivation from "./piecewise-activation.js";
import * as orthonormal from "./orthonormal.js";
import * as random from "./random.js";
import * as randomBinomial from "./random-binomial.js";
import * as randomComplex from "./random-complex.js";
import * as randomDropout from "./random-dropout.js";
import * as randomGumbel from "./random-gumbel.js";
import * as randomRejection from "./random-rejection.js";
import * as randomSamples from "./random-samples.js";
import * as randomState from "./random-state.js";
import * as matmul from "./matmul.js";
import * as reduction from "./reduction.js";
import * as cumulative from "./cumulative.js";
import * as sort from "./sort.js";
import * as search from "./search.js";
import * as count from "./count.js";
import * as softmax from "./softmax.js";
import * as norm from "./norm.js";
import * as batchNorm from "./batch-norm.js";
import * as embedding from "./embedding.js";
import * as rows from "./rows.js";
import * as crossEntropy from "./cross-entropy.js";
import * as loss from "./loss.js";
import * as lossBinary from "./loss-binary.js";
import * as classPick from "./class-pick.js";
import * as oneHot from "./one-hot.js";
import * as margin from "./margin.js";
import * as window from "./window.js";
import * as ctc from "./ctc.js";
import * as classTree from "./class-tree.js";
import * as rnnt from "./rnnt.js";
import * as pNorm from "./p-norm.js";
import * as convolution from "./convolution.js";
import * as pooling from "./pooling.js";
import * as poolingAverage from "./pooling-average.js";
import * as poolingPlaces from "./pooling-places.js";
import * as interpolate from "./interpolate.js";
import * as interpolateGrid from "./interpolate-grid.js";
import * as fold from "./fold.js";
import * as vector from "./vector.js";
import * as recurrence from "./recurrence.js";
import * as attention from "./attention.js";
import * as fft from "./fft.js";
import * as graph from "./graph.js";
import * as optimizer from "./optimizer.js";
import * as optimizerAdaptive from "./optimizer-adaptive.js";
import * as modelAverage from "./model-average.js";
import * as optimizerAverage from "./optimizer-average.js";
import * as optimizerIncubate from "./optimizer-incubate.js";
import * as optimizerParts from "./optimizer-parts.js";
import * as optimizerRows from "./optimizer-rows.js";
import * as linearAlgebra from "./linear-algebra.js";
import * as triangular from "./triangular.js";
import * as spectral from "./spectral.js";

/** The family files, one a line. */
const families: readonly object[] = [
  arithmetic,
  broadcast,
  cast,
  copy,
  creation,
  extents,
  optimizer,
  optimizerAdaptive,
  modelAverage,
  optimizerAverage,
  optimizerIncubate,
  optimizerParts,
  optimizerRows,
  exponential,
  trigonometric,
  rounding,
  comparison,
  predicate,
  logic,
  bitwise,
  complexParts,
  special,
  twoNumbers,
  specialLoops,
  activation,
  piecewiseActivation,
  indexMath,
  setSlice,
  whereIndex,
  views,
  triangle,
  movement,
  gather,
  concat,
  alongAxis,
  orthonormal,
  random,
  randomBinomial,
  randomComplex,
  randomDropout,
  randomGumbel,
  randomRejection,
  randomSamples,
  randomState,
  matmul,
  reduction,
  cumulative,
  sort,
  search,
  count,
  softmax,
  norm,
  batchNorm,
  embedding,
  rows,
  crossEntropy,
  loss,
  lossBinary,
  classPick,
  oneHot,
  margin,
  window,
  ctc,
  classTree,
  rnnt,
  pNorm,
  convolution,
  recurrence,
  attention,
  fft,
  graph,
  pooling,
  poolingAverage,
  poolingPlaces,
  interpolate,
  interpolateGrid,
  fold,
  vector,
  linearAlgebra,
  triangular,
  spectral,
];

const isRecord = (x: unknown): x is OpRecord => typeof x === "object" && x !== null && "infer" in x && "body" in x;

/** Every op, in the order of families. */
export const allOps: readonly OpRecord[] = families.flatMap((family) => Object.values(family).filter(isRecord));

/** Every op by its name. */
export const opsByName: ReadonlyMap<string, OpRecord> = new Map(allOps.map((op) => [op.name, op]));
