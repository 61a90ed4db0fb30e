// Tables of launches as text, for OAR_DEBUG and the profiler's summary.

import type { Limits } from "./profile-limits.js";
import type { LaunchInfo } from "./profile.js";

const scales: readonly (readonly [number, string])[] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** A number in three digits and more with its scale: 52.4 MFLOP is `amount(52.4e6, "FLOP")`. */
export function amount(n: number, unit: string): string {
  const [scale, letter] = scales.find(([s]) => n >= s * 0.9995) ?? [1, ""];
  const x = n / scale;
  const digits = Number.isInteger(x) || x >= 100 ? 0 : x >= 10 ? 1 : 2;
  return `${x.toFixed(digits)} ${letter}${unit}`;
}

/** Milliseconds in four digits. */
export const milliseconds = (ms: number): string =>
  ms >= 1000 ? ms.toFixed(0) : ms >= 100 ? ms.toFixed(1) : ms >= 10 ? ms.toFixed(2) : ms.toFixed(4);

/** Units a second, in billions; empty where nothing was counted. */
export const rate = (count: number, ms: number): string => {
  if (count === 0 || ms <= 0) return "";
  const x = count / ms / 1e6;
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
};

/** `part` of `whole` as a percentage; empty where there is no whole. */
export const percent = (part: number, whole: number): string =>
  whole > 0 ? `${((100 * part) / whole).toFixed(1)}%` : "";

/** How near the machine's limit a launch came: the larger of its shares of arithmetic and of bandwidth. */
export function shareOfLimit(
  info: Pick<LaunchInfo, "flops" | "bytes" | "threads">,
  ms: number,
  limits: Limits,
): string {
  const one = info.threads === 1 ? 0 : 1;
  const arithmetic = info.flops / ms / 1e6 / limits.gflops[one];
  const memory = info.bytes / ms / 1e6 / limits.gbytes[one];
  return arithmetic >= memory ? `${percent(arithmetic, 1)} FLOP` : `${percent(memory, 1)} bytes`;
}

/** Text cut in the middle so that it fits. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const left = Math.ceil((width - 1) / 2);
  return `${text.slice(0, left)}…${text.slice(text.length - (width - 1 - left))}`;
}

/** Rows under a header: the first column to the left, the others to the right. */
export function columns(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [line(header), "-".repeat(widths.reduce((a, b) => a + b + 2, -2)), ...rows.map(line)].join("\n");
}
