// Learns to read handwritten digits, LeNet-5 on MNIST: `npm run mnist`, or `npm run mnist -- EPOCHS` (5 by default).

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { io, save, seed, vision } from "oarjs";
import { mistakesOf } from "./mistakes.js";
import { LeNet5 } from "./model.js";
import { contactSheet } from "./picture.js";
import { predict, train } from "./train.js";

const epochs = Number(process.argv[2] ?? 5);
const folder = new URL("../../.cache/", import.meta.url);

// The first draws weights, the second the order of images.
seed(0);
io.numpyRandom.seed(0);

const training = new vision.datasets.MNIST({ mode: "train" });
const test = new vision.datasets.MNIST({ mode: "test" });
console.log(`${training.length} digits to learn from, ${test.length} to test with\n`);

const net = new LeNet5();
const speed = await train(net, training, epochs);
await save(net.stateDict(), new URL("mnist.pdparams", folder));

const mistakes = mistakesOf(test, predict(net, test));
const picture = new URL("mnist-mistakes.png", folder);
writeFileSync(picture, contactSheet(mistakes));

console.log(`\n${mistakes.length} of ${test.length} digits misread: ${fileURLToPath(picture)}`);
console.log("(each with what it is, in green, and what it was taken for, in red; the surest mistakes first)");
const accuracy = 1 - mistakes.length / test.length;
const seconds = performance.now() / 1000;
console.log(`accuracy ${accuracy.toFixed(4)} images/s ${speed.toFixed(0)} seconds ${seconds.toFixed(1)}`);
