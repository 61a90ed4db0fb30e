// The method tables of all families: a new family adds its table here, and Tensor has its methods.

import { creationMethods } from "./creation.js";
import { diagonalMethods } from "./diagonals.js";
import { gatheringMethods } from "./gathering.js";
import { indexingMethods } from "./indexing.js";
import { joiningMethods } from "./joining.js";
import { manipulationMethods } from "./manipulation.js";
import { maskingMethods } from "./masking.js";
import { scatteringMethods } from "./scattering.js";
import { slicingMethods } from "./slicing.js";
import { complexMethods } from "./complex.js";
import { logicMethods } from "./logic.js";
import { mathMethods } from "./math.js";
import { specialMethods } from "./special.js";
import { unaryMethods } from "./unary.js";
import { productMethods } from "./products.js";
import { discreteRandomMethods } from "./random-discrete.js";
import { randomInplaceMethods } from "./random-inplace.js";
import { reductionMethods } from "./reduction.js";
import { searchMethods } from "./search.js";
import { cumulativeMethods } from "./cumulative.js";
import { histogramMethods } from "./histogram.js";
import { statMethods } from "./stat.js";
import { normMethods } from "./norms.js";
import { factorizationMethods } from "./factorization.js";
import { linalgMethods } from "./linalg.js";
import { istft, stft } from "./signal.js";
import { softmaxMethods } from "./softmax.js";

/** Every function that Tensor has as a method. */
export const methodTables = {
  ...creationMethods,
  ...mathMethods,
  ...unaryMethods,
  ...specialMethods,
  ...logicMethods,
  ...complexMethods,
  ...slicingMethods,
  ...scatteringMethods,
  ...maskingMethods,
  ...manipulationMethods,
  ...joiningMethods,
  ...indexingMethods,
  ...gatheringMethods,
  ...diagonalMethods,
  ...productMethods,
  ...reductionMethods,
  ...discreteRandomMethods,
  ...randomInplaceMethods,
  ...searchMethods,
  ...cumulativeMethods,
  ...statMethods,
  ...histogramMethods,
  ...normMethods,
  ...factorizationMethods,
  ...linalgMethods,
  ...softmaxMethods,
  istft,
  stft,
};
