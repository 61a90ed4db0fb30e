// metric: what is measured over batches.

export { Accuracy, type AccuracyOptions } from "./accuracy.js";
export { accuracy, type BatchAccuracyOptions } from "./batch-accuracy.js";
export { Auc, type AucOptions } from "./auc.js";
export { Metric, type Values } from "./metric.js";
export { type NamedMetricOptions, Precision, Recall } from "./precision-recall.js";
