// Paddle's enumerations of the profiler.

/** What the profiler does in a step; `RECORD_AND_RETURN` is the last recorded step of a period. */
export const ProfilerState = Object.freeze({ CLOSED: 0, READY: 1, RECORD: 2, RECORD_AND_RETURN: 3 } as const);

/** A value of {@link ProfilerState}. */
export type ProfilerState = (typeof ProfilerState)[keyof typeof ProfilerState];

/** Devices. There is one here, the CPU; others are left out with a warning, as Paddle does where it lacks a device. */
export const ProfilerTarget = Object.freeze({ CPU: 0, GPU: 1, XPU: 2, CUSTOM_DEVICE: 3 } as const);

/** A value of {@link ProfilerTarget}. */
export type ProfilerTarget = (typeof ProfilerTarget)[keyof typeof ProfilerTarget];

/** How tables of the summary are sorted. */
export const SortedKeys = Object.freeze({
  ...{ CPUTotal: 0, CPUAvg: 1, CPUMax: 2, CPUMin: 3 },
  ...{ GPUTotal: 4, GPUAvg: 5, GPUMax: 6, GPUMin: 7 },
} as const);

/** A value of {@link SortedKeys}. */
export type SortedKeys = (typeof SortedKeys)[keyof typeof SortedKeys];

/** Tables of the summary. */
export const SummaryView = Object.freeze({
  ...{ DeviceView: 0, OverView: 1, ModelView: 2, DistributedView: 3, KernelView: 4 },
  ...{ OperatorView: 5, MemoryView: 6, MemoryManipulationView: 7, UDFView: 8 },
} as const);

/** A value of {@link SummaryView}. */
export type SummaryView = (typeof SummaryView)[keyof typeof SummaryView];
