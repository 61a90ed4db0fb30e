// io: datasets, samplers, the loader.

export { numpyRandom } from "../core/random-numpy.js";
export { pythonRandom } from "../core/random-python.js";
export { BatchSampler, type BatchSamplerOptions } from "./batch-sampler.js";
export { DistributedBatchSampler, type DistributedBatchSamplerOptions } from "./batch-sampler.js";
export { ChainDataset, ComposeDataset, ConcatDataset, type Randperm, Subset, randomSplit } from "./combined-dataset.js";
export type { AsTensors, Collated } from "./collate.js";
export { DataLoader, type DataLoaderOptions } from "./data-loader.js";
export { Dataset, IterableDataset, type Rows, type Sized, TensorDataset } from "./dataset.js";
export { RandomSampler, type RandomSamplerOptions, Sampler, SequenceSampler } from "./sampler.js";
export { SubsetRandomSampler, WeightedRandomSampler } from "./sampler.js";
export type { WeightedRandomSamplerOptions, Weights } from "./sampler.js";
