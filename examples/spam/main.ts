// Learns to tell spam from ham on 6 046 real mails, then says how well: `npm start`. Given a text it classifies that text.

import { existsSync } from "node:fs";
import { io, load, type NdArray, save, seed } from "oarjs";
import { encode, readCorpus, readVocabulary } from "./mails.js";
import { SpamNet } from "./model.js";
import { doubtful, percent, scores } from "./report.js";
import { spamProbability, train } from "./train.js";

const folder = new URL("../../examples/spam/data/", import.meta.url);
const weights = new URL("../../.cache/spam.npz", import.meta.url);

// The first draws weights and dropout, the second the order of mails.
seed(0);
io.numpyRandom.seed(0);

const vocabulary = readVocabulary(new URL("glove-20k-words.txt", folder));
const net = new SpamNet(await load<NdArray>(new URL("glove-20k-100d.npy", folder)));
const [, , text] = process.argv;

if (text === undefined) {
  const mails = readCorpus(vocabulary);
  const [training, test] = [mails.filter((_, i) => i % 5 !== 4), mails.filter((_, i) => i % 5 === 4)];
  console.log(`${training.length} mails to learn from, ${test.length} to test with\n`);

  const speed = await train(net, training);
  const spam = spamProbability(net, test);
  await save(net.stateDict(), weights);

  console.log(`\nLeast sure of:\n${doubtful(test, spam)}\n`);
  console.log(`Weights saved to ${weights.pathname}; try: node examples/spam "You have won a free prize!"`);
  console.log(`${scores(test, spam)} mails/s ${speed.toFixed(0)} seconds ${(performance.now() / 1000).toFixed(1)}`);
} else if (existsSync(weights)) {
  net.setStateDict(await load<Record<string, NdArray>>(weights), { strict: true });
  const [spam] = spamProbability(net, [{ ...encode(text, vocabulary), label: 0 }]);
  console.log(`${percent(spam!).trim()} spam`);
} else {
  console.error("There are no weights yet: run `npm start` first.");
  process.exitCode = 1;
}
