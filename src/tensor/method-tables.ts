// The method tables of all families: a new family adds its table here, and Tensor has its methods.

import { creationMethods } from "./creation.js";
import { mathMethods } from "./math.js";
import { productMethods } from "./products.js";
import { reductionMethods } from "./reduction.js";
import { searchMethods } from "./search.js";
import { cumulativeMethods } from "./cumulative.js";
import { statMethods } from "./stat.js";

/** Every function that Tensor has as a method. */
export const methodTables = { ...creationMethods, ...mathMethods, ...productMethods, ...reductionMethods, ...searchMethods, ...cumulativeMethods, ...statMethods };
