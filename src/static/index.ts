// The static room's public names.

export { createParameter } from "../nn/create-parameter.js";
export { Assert, type AssertOptions } from "./control-flow-assert.js";
export {
  appendBackward,
  type BackwardOptions,
  data,
  type DataOptions,
  type GradientOptions,
  gradients,
} from "./data.js";
export { type EmaApplyOptions, type EmaOptions, ExponentialMovingAverage } from "./ema.js";
export { CompiledProgram, Executor, type Feed, type RunOptions } from "./executor.js";
export { createGlobalVar, type GlobalVarOptions, nameScope } from "./global-var.js";
export { type FunctionOutput, Print, type PrintOptions, pyFunc, type PyFuncOptions } from "./host.js";
export { InputSpec, type InputSpecOptions } from "./input-spec.js";
export {
  load,
  type LoadOptions,
  loadParams,
  loadPersistables,
  loadProgramState,
  loadVars,
  save,
  saveParams,
  savePersistables,
  saveVars,
  setProgramState,
  type VarsOptions,
} from "./io.js";
export {
  defaultMainProgram,
  defaultStartupProgram,
  disableStatic,
  enableStatic,
  programGuard,
} from "./mode.js";
export * as nn from "./nn/index.js";
export { type CloneOptions, Program, ProgramBlock, type ProgramSegment } from "./program.js";
export { globalScope, Scope, scopeGuard, ScopeTensor, ScopeVariable } from "./scope.js";
export { Variable } from "./variable.js";
export { WeightNormParamAttr, type WeightNormOptions } from "./weight-norm.js";
