// Runs the package's script with V8's code for it from the cache folder: parsing it anew takes half of the time to the first step.

import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { constants, Script } from "node:vm";
import { isMainThread } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { ownDirectory } from "./native-cache-node.js";

/** Files kept: one for each version of the package or of Node, and for each set of V8's options, that took turns lately. */
const KEPT = 4;
/** When a process that has run without code from the cache keeps its own, ms: most of what a start needs has run by then. */
const DELAY = 2000;

/**
 * The value of a script: a function that is called with `require` and the script's URL. V8's code is read from `folder` and kept there
 * if it is this user's alone; whatever stands in the way only takes time.
 *
 * @param url the file of the script, in ASCII
 */
export function runCached(url: URL, folder: string): unknown {
  const bytes = readFileSync(url);
  const path = join(folder, `${fingerprint(bytes)}-${fingerprint(settings())}.code`);
  const cachedData = isOwn(folder) ? readCode(path) : undefined;
  const script = new Script(bytes.toString("latin1"), {
    filename: url.href,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData && { cachedData }),
  });
  if (isMainThread && script.cachedDataRejected !== false) keepLater(script, folder, path);
  const main = script.runInThisContext() as (require: NodeJS.Require, url: string) => unknown;
  return main(createRequire(url), url.href);
}

const fingerprint = (data: Uint8Array | string): string => crc32(data).toString(16).padStart(8, "0");

/** What V8 must have in common with the process that made the code; V8 checks this too, but would have one file for all. */
function settings(): string {
  return [process.version, process.arch, process.env["NODE_OPTIONS"] ?? "", ...process.execArgv].join("\0");
}

/** Whether a folder is there, this user's and closed to others: what stands in it is run. */
function isOwn(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return false;
  return process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o077) === 0);
}

/** The code in a file that ends with its checksum. */
function readCode(path: string): Uint8Array | undefined {
  try {
    const file = readFileSync(path);
    const end = file.length - 4;
    const code = file.subarray(0, Math.max(end, 0));
    return end > 0 && file.readUInt32LE(end) === crc32(code) ? code : undefined;
  } catch {
    // Not there yet, or not readable: the script is compiled.
    return undefined;
  }
}

/** Keeps the code with all functions that have run: after a while, before V8 forgets those that run once, or when the process ends. */
function keepLater(script: Script, folder: string, path: string): void {
  const keep = (): void => {
    clearTimeout(timer);
    process.off("exit", keep);
    keepCode(script.createCachedData(), folder, path);
  };
  const timer = setTimeout(keep, DELAY);
  timer.unref();
  process.once("exit", keep);
}

function keepCode(code: Uint8Array, folder: string, path: string): void {
  if (!ownDirectory(folder)) return;
  const temporary = `${path}.${process.pid}.tmp`;
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(code));
  try {
    writeFileSync(temporary, Buffer.concat([code, sum]), { mode: 0o600 });
    renameSync(temporary, path);
    removeOld(folder);
  } catch {
    // A full disk, perhaps: the next process tries again.
    rmSync(temporary, { force: true });
  }
}

function removeOld(folder: string): void {
  const files = readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const stat = name.endsWith(".code") ? statSync(path, { throwIfNoEntry: false }) : undefined;
    return stat ? [{ path, time: stat.mtimeMs }] : [];
  });
  for (const { path } of files.sort((a, b) => b.time - a.time).slice(KEPT)) rmSync(path, { force: true });
}
