// How many threads this process should use: the user's wish, the processors it may run on, and the quota of its control group.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Processors' worth of time that a line of `cpu.max` ("quota period", in µs) allows; undefined: no limit. */
export function quotaOf(cpuMax: string | undefined): number | undefined {
  const [quota, period] = (cpuMax ?? "").split(/\s+/).map(Number);
  return quota && period && quota > 0 && period > 0 ? quota / period : undefined;
}

/** Processors' worth of time that this process may use: the smallest quota of its control group and its ancestors (versions 2 and 1). */
export function cgroupQuota(root = "/sys/fs/cgroup"): number | undefined {
  const quotas: number[] = [];
  const own = /^0::(\/.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  for (let at = own; ; at = dirname(at)) {
    const quota = quotaOf(read(join(root, at, "cpu.max")));
    if (quota !== undefined) quotas.push(quota);
    if (at === "/" || at === ".") break;
  }
  const v1 = quotaOf(`${read(`${root}/cpu/cpu.cfs_quota_us`)} ${read(`${root}/cpu/cpu.cfs_period_us`)}`);
  if (v1 !== undefined) quotas.push(v1);
  return quotas.length > 0 ? Math.min(...quotas) : undefined;
}

/**
 * Threads to use, at least 1 and at most 255: `OAR_THREADS` if it is a positive integer, else the processors that the affinity mask
 * allows, cut to the control group's quota (rounded up).
 */
export function threadCount(env: Readonly<Record<string, string | undefined>> = process.env): number {
  const wished = env.OAR_THREADS;
  if (wished !== undefined && /^\d+$/.test(wished) && Number(wished) > 0) return Math.min(Number(wished), 255);
  const quota = cgroupQuota();
  const processors = availableParallelism();
  return Math.max(1, Math.min(processors, quota === undefined ? processors : Math.ceil(quota), 255));
}
