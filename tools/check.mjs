// `npm run check`: runs every check, so that one report shows all that is wrong, and ends non-zero if any failed.
import { spawnSync } from "node:child_process";
import { isMain, root } from "./files.mjs";

/** What `--without-tests` leaves out. */
const TESTS = "test:fast";

/** The checks in order, as the names of package.json's scripts. */
const CHECKS = [
  "lint",
  "typecheck",
  "check:imports",
  "check:source",
  "check:package",
  "check:features",
  "check:bench",
  TESTS,
];

if (isMain(import.meta.url)) {
  const checks = process.argv.includes("--without-tests") ? CHECKS.filter((name) => name !== TESTS) : CHECKS;
  const failed = checks.filter((name) => {
    console.log(`-- ${name}`);
    return spawnSync("npm", ["run", "--silent", name], { cwd: root, stdio: "inherit" }).status !== 0;
  });
  console.log(failed.length === 0 ? `check: all ${checks.length} passed` : `check: failed: ${failed.join(", ")}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
