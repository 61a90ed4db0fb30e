// Print and pyFunc: ops of static Programs that run in JavaScript between two engine calls.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { isNdArray, type NdArray } from "../core/nd-array.js";
import { toNested } from "../core/nested.js";
import { splitOptions, checkOptions, type Trailing } from "../core/options.js";
import { formatShape, sameShape, type Shape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { bind } from "../trace/bind.js";
import { recordCustom, withGrad } from "../trace/tape.js";
import { publicExtent } from "../core/extents.js";

/** Options of {@link Print}. */
export interface PrintOptions {
  /** How many times; -1 (default): at every run. */
  readonly firstN?: number | undefined;
  readonly message?: string | null | undefined;
  /** How many elements are shown; -1: all. Default 20. */
  readonly summarize?: number | undefined;
  readonly printTensorName?: boolean | undefined;
  readonly printTensorType?: boolean | undefined;
  readonly printTensorShape?: boolean | undefined;
  /** Accepted for Paddle's sake. */
  readonly printTensorLayout?: boolean | undefined;
  /** Accepted for Paddle's sake. */
  readonly printTensorLod?: boolean | undefined;
  /** Accepted for Paddle's sake: the forward value is printed. */
  readonly printPhase?: "forward" | "backward" | "both" | undefined;
}

const printKeys = [
  "firstN",
  "message",
  "summarize",
  "printTensorName",
  "printTensorType",
  "printTensorShape",
  "printTensorLayout",
  "printTensorLod",
  "printPhase",
] as const;

/**
 * Prints a variable each time the Program runs, and passes it on; gradients pass too. It cuts the Program in two engine calls.
 *
 * @returns the same value; use it, or the print still happens
 */
export function Print(input: Tensor, ...rest: Trailing<number, PrintOptions>): Tensor {
  const o = splitOptions<PrintOptions>("static.Print", rest, printKeys);
  let printed = 0;
  const show = (array: NdArray): void => {
    if (o.firstN !== undefined && o.firstN >= 0 && printed >= o.firstN) return;
    printed++;
    const limit = o.summarize ?? 20;
    const flat = toNested({ ...array, shape: [array.data.length] } as NdArray) as unknown[];
    const shown = limit < 0 ? flat : flat.slice(0, limit);
    const lines = [
      o.message ?? "",
      o.printTensorName === false ? "" : `Variable: ${input.name ?? "?"}`,
      o.printTensorShape === false ? "" : `  - shape: ${formatShape(array.shape)}`,
      o.printTensorType === false ? "" : `  - dtype: ${array.dtype}`,
      `  - data: [${shown.join(" ")}${shown.length < flat.length ? " ..." : ""}]`,
    ];
    console.log(lines.filter((line) => line !== "").join("\n"));
  };
  const record = defineOp({
    name: "print",
    inputs: ["x"],
    outputs: ["out"],
    attrs: {},
    infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
    host: ({ x }) => {
      show(x as NdArray);
      return { out: x as NdArray };
    },
    random: true,
    grad: (_, d) => ({ x: () => d.out }),
    check: { samples: [], noGradCheck: "prints" },
  });
  return bind(record, [input])[0] as Tensor;
}

/** What {@link pyFunc} makes: shape and dtype of a result; -1 is the extent the first input has there. */
export interface FunctionOutput {
  readonly shape: readonly (number | null)[];
  readonly dtype: DType;
}

/** Options of {@link pyFunc}. */
export interface PyFuncOptions {
  /** Gets the inputs, the results and the gradients of the results; gives one gradient (or null) for each input. */
  readonly backwardFunc?: ((...arrays: NdArray[]) => NdArray | null | readonly (NdArray | null)[]) | null | undefined;
  /** Inputs that backwardFunc does not get. */
  readonly skipVarsInBackwardInput?: readonly Tensor[] | null | undefined;
}

/**
 * Calls a JavaScript function on arrays in the middle of a Program. It cuts the Program in two engine calls.
 *
 * @param func gets the inputs as NdArrays and gives one result, or an array of them
 * @param x inputs
 * @param out what the results are
 * @throws InvalidArgumentError, when the Program runs, for a result of another shape or dtype.
 */
export function pyFunc(
  func: (...arrays: NdArray[]) => NdArray | readonly NdArray[],
  x: Tensor | readonly Tensor[],
  out: FunctionOutput | readonly FunctionOutput[],
  options?: PyFuncOptions,
): Tensor | Tensor[] {
  const o = checkOptions<PyFuncOptions>("static.pyFunc", options, ["backwardFunc", "skipVarsInBackwardInput"]);
  const inputs = Array.isArray(x) ? (x as readonly Tensor[]) : [x as Tensor];
  const declared = Array.isArray(out) ? (out as readonly FunctionOutput[]) : [out as FunctionOutput];
  const results = withGrad(false, () => called("py_func", func, inputs, declared)) as Tensor[];
  const { backwardFunc } = o;
  if (backwardFunc) {
    const kept = inputs.filter((v) => !o.skipVarsInBackwardInput?.includes(v));
    recordCustom("py_func", inputs, results, (gradients) => {
      const given = gradients.flatMap((g) => (g ? [g] : []));
      const like = inputs.map((v): DeclaredOutput => {
        const from = Math.max(kept.indexOf(v), 0);
        return { shape: Array.from(v.shape, publicExtent), dtype: v.dtype, from };
      });
      const filled = (...arrays: NdArray[]): NdArray[] => {
        const made = backwardFunc(...arrays);
        const list = Array.isArray(made) ? (made as readonly (NdArray | null)[]) : [made as NdArray | null];
        return list.map((g, i) => g ?? zerosFor(arrays[i]!));
      };
      return called("py_func_grad", filled, [...kept, ...results, ...given], like);
    });
  }
  return Array.isArray(out) ? results : results[0]!;
}

const zerosFor = (array: NdArray): NdArray => ({ ...array, data: array.data.slice().fill(0 as never) }) as NdArray;

/** An output whose unknown extents are those of operand `from`, the first by default. */
interface DeclaredOutput extends FunctionOutput {
  readonly from?: number;
}

/** Appends a call with a record of its own: each has its own function. */
function called(
  name: string,
  func: (...arrays: NdArray[]) => NdArray | readonly NdArray[],
  inputs: readonly Value[],
  outputs: readonly DeclaredOutput[],
): Value[] {
  const names = outputs.map((_, i) => `out${i}`);
  const record = defineOp({
    name,
    inputs: ["xs*"],
    outputs: names as readonly string[],
    attrs: {},
    infer: ({ xs }) => ({
      outs: Object.fromEntries(
        outputs.map((o, i) => {
          const shape: Shape = Array.from(o.shape, (n, a) => (n === null || n === -1 ? xs[o.from ?? 0]!.shape[a]! : n));
          return [names[i]!, { shape, dtype: o.dtype }];
        }),
      ),
    }),
    host: ({ xs }) => {
      const arrays = xs as readonly NdArray[];
      const made = func(...arrays);
      const list = isNdArray(made) ? [made] : made;
      return Object.fromEntries(
        names.map((n, i) => {
          const want = outputs[i]!;
          const fits =
            isNdArray(list[i]) &&
            list[i]!.dtype === want.dtype &&
            list[i]!.shape.length === want.shape.length &&
            sameShape(
              list[i]!.shape,
              Array.from(want.shape, (e, a) => (e === null || e < 0 ? list[i]!.shape[a]! : e)),
            );
          if (fits) return [n, list[i]!];
          throw new InvalidArgumentError(
            `the function's result ${i} must be an NdArray ${want.dtype}${formatShape(want.shape as Shape)}.`,
            { op: "static.pyFunc" },
          );
        }),
      );
    },
    random: true,
    grad: null,
    check: { samples: [], noGradCheck: "a user's function" },
  });
  return bind(record, [inputs]);
}
