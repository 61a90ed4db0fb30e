// Conformance: every recorded call of Paddle, values and gradients; what fails is listed with its reason in known-failures.json.

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { Corpus } from "./corpus.js";
import { hasGradients, type Outcome, replayForward, replayGradients } from "./replay.js";

const corpus = new Corpus();
const known = JSON.parse(readFileSync(new URL("./known-failures.json", import.meta.url), "utf8")) as Readonly<
  Record<string, string>
>;
/** Another recording has other cases: then the share that passes is what counts. */
const foreign = process.env["OAR_CONFORMANCE"] !== undefined;

const areas = [...new Set(corpus.cases.map((c) => c.area))];
const results: { area: string; id: string; outcome: Outcome }[] = [];

describe.each(areas)("%s", (area) => {
  test("recorded calls", async () => {
    const surprises: string[] = [];
    for (const c of corpus.cases.filter((x) => x.area === area)) {
      const checks: [string, Outcome][] = [[c.id, await replayForward(corpus, c)]];
      if (hasGradients(c)) checks.push([`${c.id} gradient`, await replayGradients(corpus, c)]);
      for (const [id, outcome] of checks) {
        results.push({ area, id, outcome });
        if (!foreign && outcome !== undefined && known[id] === undefined) surprises.push(`${id}: ${outcome}`);
        if (!foreign && outcome === undefined && known[id] !== undefined)
          surprises.push(`${id} passes: take it off known-failures.json`);
      }
    }
    expect(surprises).toEqual([]);
  }, 600_000);
});

afterAll(() => {
  const rows = areas.map((area) => {
    const own = results.filter((r) => r.area === area);
    const passed = own.filter((r) => r.outcome === undefined).length;
    return `${area.padEnd(16)} ${String(passed).padStart(5)} of ${String(own.length).padStart(5)} (${((100 * passed) / Math.max(1, own.length)).toFixed(1)} %)`;
  });
  console.log(rows.join("\n"));
});
