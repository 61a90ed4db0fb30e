// The hapi room's public names.

export { ProgressBar, type ProgressBarOptions, type ProgressField, type ProgressOutput } from "./progress-bar.js";
export {
  type InputSize,
  type LayerRow,
  type ParameterRow,
  type Summary,
  summary,
  type SummaryOptions,
} from "./summary.js";
