// The static room's public names.

export { appendBackward, data, gradients } from "./data.js";
export { Executor, type Feed, type RunOptions } from "./executor.js";
export {
  defaultMainProgram,
  defaultStartupProgram,
  disableStatic,
  enableStatic,
  programGuard,
} from "./mode.js";
export { Program, ProgramBlock } from "./program.js";
export { globalScope, Scope, scopeGuard, ScopeTensor, ScopeVariable } from "./scope.js";
export { Variable } from "./variable.js";
