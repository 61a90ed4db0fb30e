// Which recorded APIs the core counts, and which belong to later work: test/conformance-scope.json, written by `npm run fix`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { root } from "./files.mjs";

const FILE = "test/conformance-scope.json";

/** What is not counted, by the API's whole path; the first rule that matches decides. */
const LATER = [
  { what: "Fourier transforms and signals", pattern: /^paddle\.(?:fft|signal)\.|^paddle\.Tensor\.i?stft$/ },
  { what: "graphs and incubating functions", pattern: /^paddle\.(?:geometric|incubate)\./ },
  { what: "distributions", pattern: /^paddle\.distribution\./ },
  {
    what: "convolution, pooling, sampling and windows of images",
    pattern:
      /^paddle\.nn\.(?:functional\.)?(?:Conv|conv\d|(?:\w*[a-z_])?(?:Pool|pool|Un[Pp]ool|unpool)\d|LPPool|lp_pool|Fold|fold|Unfold|unfold|Upsampl|upsample|interpolate|affine_grid|grid_sample)/,
  },
  {
    what: "recurrent networks, attention and transformers",
    pattern:
      /^paddle\.nn\.(?:functional\.)?(?:\w*RNN(?:Cell|CellBase)?$|LSTM|GRU|Transformer|MultiHeadAttention|\w*attention)/,
  },
];

/**
 * Sorts APIs by the rules.
 * @param {Iterable<string>} apis
 */
export function scopeOf(apis) {
  /** @type {string[]} */
  const counted = [];
  /** @type {Record<string, string[]>} */
  const later = Object.fromEntries(LATER.map(({ what }) => [what, []]));
  for (const api of [...new Set(apis)].sort()) {
    const rule = LATER.find(({ pattern }) => pattern.test(api));
    (rule === undefined ? counted : /** @type {string[]} */ (later[rule.what])).push(api);
  }
  return { counted, later };
}

/** The APIs of the corpus in the repository. */
export function corpusApis() {
  const lines = gunzipSync(readFileSync(join(root, "test/conformance/data/cases.jsonl.gz"))).toString();
  return new Set(
    lines
      .split("\n")
      .filter(Boolean)
      .map((line) => /** @type {string} */ (JSON.parse(line).api)),
  );
}

/**
 * The file as the rules say, written or compared.
 * @param {boolean} write
 * @returns {string[]} problems
 */
export function checkScope(write) {
  const text = `${JSON.stringify(scopeOf(corpusApis()), null, 1)}\n`;
  const path = join(root, FILE);
  if (write) writeFileSync(path, text);
  return readFileSync(path, "utf8") === text ? [] : [`${FILE} is stale: run \`npm run fix\``];
}
