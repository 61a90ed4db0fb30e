// All methods that Tensor takes from tables, one table a family; each is a generic function of `this`.

import { creationMethods } from "./creation-methods.js";
import { mathMethods } from "./math-methods.js";

/** Name to method. A new family adds its table here. */
export const tensorMethods = { ...creationMethods, ...mathMethods };

/** The methods' type, as Tensor inherits it. */
export type TensorMethods = typeof tensorMethods;
