// Batches of a TensorDataset taken row-wise, without making samples first.

import type { TypedArray } from "../core/dtype.js";
import { emptyData, entriesOf, isNdArray, type NdArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { gather } from "../ops/gather.js";
import { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { Subset } from "./combined-dataset.js";
import { checkIndex, type Dataset, TensorDataset } from "./dataset.js";

/** What batches of rows are taken from: every field an array, the indices of a Subset looked up. */
export interface RowSource {
  readonly length: number;
  readonly fields: readonly (NdArray | Tensor)[];
  place(index: number): number;
}

/** The rows behind a dataset, or undefined where samples have to be asked for one by one. */
export function rowSourceOf(dataset: Dataset): RowSource | undefined {
  if (dataset instanceof TensorDataset && dataset.getitem === TensorDataset.prototype.getitem) {
    const fields: readonly unknown[] = dataset.tensors;
    if (!fields.every((f): f is NdArray | Tensor => f instanceof Tensor || isNdArray(f))) return undefined;
    return { length: dataset.length, fields, place: (index) => index };
  }
  if (!(dataset instanceof Subset) || dataset.getitem !== Subset.prototype.getitem) return undefined;
  const below = rowSourceOf(dataset.dataset);
  return below && { ...below, length: dataset.length, place: (index) => below.place(dataset.indices[index]!) };
}

/** A batch: the rows at `indices` of every field. */
export function takeRows(source: RowSource, indices: readonly number[]): (NdArray | Tensor)[] {
  const rows = indices.map((index) => {
    checkIndex("DataLoader", index, source.length);
    return source.place(index);
  });
  return source.fields.map((field) =>
    field instanceof Tensor ? gather(field, toTensor(Int32Array.from(rows)), 0) : copyRows(field, rows),
  );
}

function copyRows({ dtype, shape, data }: NdArray, rows: readonly number[]): NdArray {
  const rest = shape.slice(1);
  const row = entriesOf(dtype, sizeOf(rest));
  const out: TypedArray = emptyData(dtype, rows.length * sizeOf(rest));
  const writer = out as { set(values: ArrayLike<unknown>, offset: number): void };
  rows.forEach((place, i) => writer.set(data.subarray(place * row, (place + 1) * row), i * row));
  return { dtype, shape: [rows.length, ...rest], data: out } as NdArray;
}
