// Lets `node examples/spam "text of a mail"` run the example that `npm start` has built.
import { existsSync } from "node:fs";

const built = new URL("../../.cache/examples/spam.mjs", import.meta.url);
if (existsSync(built)) await import(built.href);
else {
  console.error("Not built yet: run `npm start` first.");
  process.exitCode = 1;
}
