// The hapi room's public names.

export { ProgressBar, type ProgressBarOptions, type ProgressField, type ProgressOutput } from "./progress-bar.js";
