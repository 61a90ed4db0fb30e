// Conformance: every recorded call of Paddle, values and gradients; what fails is listed with its reason in known-failures.json.

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { type Case, Corpus } from "./corpus.js";
import { hasGradients, type Outcome, replayForward, replayGradients } from "./replay.js";

/** The counts of one area; FEATURES.md shows them. */
interface AreaCounts {
  readonly values: number;
  readonly valuesPassed: number;
  readonly gradients: number;
  readonly gradientsPassed: number;
}

const here = (name: string): URL => new URL(`./${name}`, import.meta.url);
const read = <T>(name: string): T => JSON.parse(readFileSync(here(name), "utf8")) as T;

const corpus = new Corpus();
/**
 * Reasons by check: `id`, `id gradient`, or an API's path, or the beginning of one with a `*`, for what is not built
 * yet. The last two excuse only the absence of a function, not a wrong answer.
 */
const known = read<Readonly<Record<string, string>>>("known-failures.json");
/** Another recording has other cases: then the share that passes is what counts. */
const foreign = process.env["OAR_CONFORMANCE"] !== undefined;
/** Writes summary.json anew in place of comparing with it. */
const update = process.env["OAR_CONFORMANCE_UPDATE"] !== undefined;

const areas = [...new Set(corpus.cases.map((c) => c.area))].sort();
const results: { area: string; api: string; id: string; gradient: boolean; outcome: Outcome }[] = [];
const used = new Set<string>();
const missing = Object.keys(known).filter((key) => key.startsWith("paddle."));

/** The entry of known-failures.json that excuses an outcome. */
function excuse(c: Case, id: string, outcome: string): string | undefined {
  if (known[id] !== undefined) return id;
  if (!outcome.includes("missing: ")) return undefined;
  return missing.find((key) => (key.endsWith("*") ? c.api.startsWith(key.slice(0, -1)) : c.api === key));
}

describe.each(areas)("%s", (area) => {
  test("recorded calls", async () => {
    const surprises: string[] = [];
    for (const c of corpus.cases.filter((x) => x.area === area)) {
      const checks: [string, Outcome][] = [[c.id, await replayForward(corpus, c)]];
      if (hasGradients(c)) checks.push([`${c.id} gradient`, await replayGradients(corpus, c)]);
      for (const [id, outcome] of checks) {
        results.push({ area, api: c.api, id, gradient: id !== c.id, outcome });
        if (foreign || outcome === undefined) continue;
        const reason = excuse(c, id, outcome);
        if (reason === undefined) surprises.push(`${id}: ${outcome}`);
        else used.add(reason);
      }
    }
    expect(surprises).toEqual([]);
  }, 600_000);
});

function counted(area: string): AreaCounts {
  const own = results.filter((r) => r.area === area);
  const passed = own.filter((r) => r.outcome === undefined);
  const gradients = own.filter((r) => r.gradient).length;
  const gradientsPassed = passed.filter((r) => r.gradient).length;
  return {
    values: own.length - gradients,
    valuesPassed: passed.length - gradientsPassed,
    gradients,
    gradientsPassed,
  };
}

/** Checks by API as `[passed, all]`, for APIs with failures only. */
function failing(): Record<string, readonly [number, number]> {
  const apis = [...new Set(results.filter((r) => r.outcome !== undefined).map((r) => r.api))].sort();
  return Object.fromEntries(
    apis.map((api) => {
      const own = results.filter((r) => r.api === api);
      return [api, [own.filter((r) => r.outcome === undefined).length, own.length] as const];
    }),
  );
}

describe.skipIf(foreign)("the records of the result", () => {
  test("known-failures.json lists nothing that passes", () => {
    expect(Object.keys(known).filter((key) => !used.has(key))).toEqual([]);
  });

  test("summary.json holds these counts (OAR_CONFORMANCE_UPDATE=1 writes it)", () => {
    const summary = {
      corpus: "PaddlePaddle 3.3.1",
      areas: Object.fromEntries(areas.map((area) => [area, counted(area)])),
      failing: failing(),
    };
    if (update) {
      const lines = JSON.stringify(summary, null, 1).replace(/\[\s+(\d+),\s+(\d+)\s+\]/g, "[$1, $2]");
      writeFileSync(here("summary.json"), `${lines}\n`);
    }
    expect(read("summary.json")).toEqual(summary);
  });
});

afterAll(() => {
  const rows = areas.map((area) => {
    const { values, valuesPassed, gradients, gradientsPassed } = counted(area);
    const [passed, all] = [valuesPassed + gradientsPassed, values + gradients];
    const share = ((100 * passed) / Math.max(1, all)).toFixed(1);
    return `${area.padEnd(16)} ${String(passed).padStart(5)} of ${String(all).padStart(5)} (${share} %)`;
  });
  console.log(rows.join("\n"));
});
