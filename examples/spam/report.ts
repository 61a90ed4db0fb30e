// What is printed after training: the scores, and the mails that were hardest.

import { metric } from "oarjs";
import type { LabelledMail } from "./mails.js";

/** Accuracy, precision and recall as text. */
export function scores(mails: readonly LabelledMail[], spam: Float32Array): string {
  const labels = mails.map((mail) => mail.label);
  const right = mails.filter(({ label }, i) => label === Number(spam[i]! > 0.5)).length;
  const [precision, recall] = [new metric.Precision(), new metric.Recall()];
  precision.update(spam, labels);
  recall.update(spam, labels);
  const all = { accuracy: right / mails.length, precision: precision.accumulate(), recall: recall.accumulate() };
  return Object.entries(all)
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join(" ");
}

/** The five mails whose probability is nearest to a half. */
export function doubtful(mails: readonly LabelledMail[], spam: Float32Array): string {
  const rows = mails.map(({ title, label }, i) => ({ title, label, spam: spam[i]! }));
  rows.sort((a, b) => Math.abs(a.spam - 0.5) - Math.abs(b.spam - 0.5));
  const line = (row: (typeof rows)[0]) => `  ${row.label ? "spam" : "ham "}  ${percent(row.spam)} spam  ${row.title}`;
  return rows.slice(0, 5).map(line).join("\n");
}

/** A probability in words. */
export const percent = (x: number): string => `${(100 * x).toFixed(1).padStart(5)} %`;
