// Builds the package: compiles src into an empty dist (or the folder given as the first argument), and bundles it for Node.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { bundleForNode } from "./bundle.mjs";
import { SUBPATHS } from "./check-package.mjs";
import { isMain, root } from "./files.mjs";

/**
 * Compiles src and bundles it. Throws if the compiler reports an error.
 * @param {string} out the folder to write, removed first
 */
export function build(out) {
  rmSync(out, { recursive: true, force: true });
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const args = [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", out];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`tsc ended with ${status}`);
  bundleForNode(
    out,
    SUBPATHS.filter((path) => existsSync(join(root, "src", path, "index.ts"))),
  );
  const cli = join(out, "cli", "index.js");
  if (existsSync(cli)) chmodSync(cli, 0o755);
}

if (isMain(import.meta.url)) build(resolve(root, process.argv[2] ?? "dist"));
