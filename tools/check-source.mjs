// Checks the text of every TypeScript file: its opening sentence, unfinished work, machine paths, and caps on type escapes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { finish, isMain, isTestFile, root, typescriptFiles } from "./files.mjs";
import { lineAt, scan } from "./lex.mjs";

/**
 * How many of each escape all of src may hold (tests are not counted). The linter refuses every `any`, so an `any` is
 * counted where its `biome-ignore` stands. Lower a cap when you can.
 */
export const CAPS = { any: 2, doubleCast: 2, suppression: 4 };

const DOUBLE_CAST = /\bas\s+(?:unknown|never)\s+as\b/g;
const SUPPRESSION = /^\s*(?:biome-ignore|@ts-(?:ignore|expect-error|nocheck))/;

/** Words that must not stand in any file, and why. */
const FORBIDDEN = [
  { pattern: /\b(?:TODO|FIXME|XXX)\b/g, why: "unfinished work belongs in an issue" },
  { pattern: /biome-ignore-all/g, why: "suppress one line at a time" },
  { pattern: /(?<![\w.])\/(?:work|root|home|tmp)\/\w/g, why: "a path of one machine" },
  { pattern: /\bregistry\.[a-z]+\.[a-z]+/g, why: "a registry address" },
];

/** Tests skipped or focused by hand. */
const SKIPPED = /\b(?:it|test|describe)\.(?:only|todo)\b/g;

/**
 * Problems of one file's text, and its escapes.
 * @param {string} file
 * @param {string} source
 */
export function checkSource(file, source) {
  /** @type {string[]} */
  const problems = [];
  /** @type {{ kind: keyof typeof CAPS, at: string }[]} */
  const escapes = [];
  const { code, comments } = scan(source);
  const at = (/** @type {number} */ offset) => `${file}:${lineAt(source, offset)}`;
  if (!/^(?:#!.*\n)?\/\/ \S.*[^\s]/.test(source))
    problems.push(`${file}:1: opens without a // sentence that says what the file is`);
  for (const { pattern, why } of FORBIDDEN) {
    for (const hit of source.matchAll(pattern)) problems.push(`${at(hit.index)}: "${hit[0]}": ${why}`);
  }
  if (isTestFile(file)) {
    for (const hit of code.matchAll(SKIPPED)) problems.push(`${at(hit.index)}: ${hit[0]} left in a test`);
    return { problems, escapes };
  }
  for (const hit of code.matchAll(DOUBLE_CAST)) escapes.push({ kind: "doubleCast", at: at(hit.index) });
  for (const { text, start } of comments.filter((comment) => SUPPRESSION.test(comment.text))) {
    escapes.push({ kind: text.includes("noExplicitAny") ? "any" : "suppression", at: at(start) });
  }
  return { problems, escapes };
}

/**
 * Problems of all files, and the escapes in src counted by kind.
 * @param {string} base the repository's root
 */
export function checkAll(base) {
  /** @type {string[]} */
  const problems = [];
  /** @type {Record<keyof typeof CAPS, string[]>} */
  const places = { any: [], doubleCast: [], suppression: [] };
  const files = ["src", "test", "examples", "bench"].flatMap((folder) => typescriptFiles(base, folder));
  for (const file of files) {
    const result = checkSource(file, readFileSync(join(base, file), "utf8"));
    problems.push(...result.problems);
    if (file.startsWith("src/")) for (const { kind, at } of result.escapes) places[kind].push(at);
  }
  for (const kind of /** @type {(keyof typeof CAPS)[]} */ (Object.keys(CAPS))) {
    if (places[kind].length > CAPS[kind]) {
      problems.push(`${kind}: ${places[kind].length} in src, at most ${CAPS[kind]} allowed: ${places[kind].join(" ")}`);
    }
  }
  return { problems, files: files.length, places };
}

if (isMain(import.meta.url)) {
  const { problems, files, places } = checkAll(root);
  const counts = Object.entries(CAPS).map(
    ([kind, cap]) => `${kind} ${places[/** @type {keyof typeof CAPS} */ (kind)].length}/${cap}`,
  );
  finish("source", problems, `${files} files; ${counts.join(", ")}`);
}
