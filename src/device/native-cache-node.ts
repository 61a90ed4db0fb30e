// Keeps compiled libraries on disk, in a directory that only this user can write to, checked byte for byte before use.

import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Environment } from "./native-commands-node.js";
import { sha256 } from "./native-compiler-node.js";

/** Bytes of libraries a cache keeps. */
export const DEFAULT_CACHE_BYTES = 256 * 2 ** 20;
/** Age in ms after which an unfinished file is a leftover of a process that died. */
const LEFTOVER_AGE = 3_600_000;

/** Temporary files of this process. */
const unfinished = new Set<string>();

function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** Where the cache belongs: `OAR_CACHE`, or `oarjs` in `XDG_CACHE_HOME` or `~/.cache`; in it, the folder `native`. */
export function cachePath(env: Environment): string {
  const base = env.OAR_CACHE || join(env.XDG_CACHE_HOME || join(home(), ".cache"), "oarjs");
  return join(base, "native");
}

/** The user's folder; a user whom the system does not know has none. */
function home(): string {
  try {
    return homedir();
  } catch {
    return tmpdir();
  }
}

/**
 * A store of libraries named by the SHA-256 of their bytes, with one small file for each nest that says which library holds it. Files are
 * written under another name and renamed, so that two processes never see each other's halves; what does not match its name is removed and
 * compiled anew.
 */
export class LibraryCache {
  /** Whether the files outlive this process. */
  readonly persistent: boolean;
  readonly directory: string;
  private readonly removeAtExit: () => void;

  constructor(
    path: string,
    private readonly maxBytes = DEFAULT_CACHE_BYTES,
  ) {
    const own = ownDirectory(path);
    this.persistent = own;
    this.directory = own ? path : mkdtempSync(join(tmpdir(), "oarjs-"));
    this.removeAtExit = () => rmSync(this.directory, { recursive: true, force: true });
    if (!own) process.once("exit", this.removeAtExit);
  }

  /** A name for a file that is being written, until it is renamed or dropped; what the process leaves is removed when it ends. */
  temporary(): string {
    const path = join(this.directory, `${process.pid}-${randomUUID()}.tmp`);
    if (unfinished.size === 0) process.once("exit", removeUnfinished);
    unfinished.add(path);
    return path;
  }

  /** Forgets a temporary name, and removes the file if it is still there. */
  drop(temporary: string): void {
    rmSync(temporary, { force: true });
    unfinished.delete(temporary);
    if (unfinished.size === 0) process.off("exit", removeUnfinished);
  }

  /** The library that holds a nest, by its digest, if it is there and whole; one that is `loaded` is not read again. */
  find(nestKey: string, loaded: (digest: string) => boolean): string | undefined {
    const digest = readText(join(this.directory, `${nestKey}.nest`))?.trim() ?? "";
    return isDigest(digest) && (loaded(digest) || this.check(digest)) ? digest : undefined;
  }

  /** The path of a library. */
  libraryPath(digest: string): string {
    return join(this.directory, `${digest}.so`);
  }

  /** Takes in a finished library and the keys of the nests it holds, if `load` accepts it at its place; gives what that returns. */
  add<R>(temporary: string, nestKeys: readonly string[], load: (digest: string) => R): R {
    const digest = sha256(readFileSync(temporary));
    renameSync(temporary, this.libraryPath(digest));
    const loaded = this.tryLoad(digest, load);
    for (const key of nestKeys) {
      const name = this.temporary();
      writeFileSync(name, `${digest}\n`, { mode: 0o600 });
      renameSync(name, join(this.directory, `${key}.nest`));
      this.drop(name);
    }
    return loaded;
  }

  private tryLoad<R>(digest: string, load: (digest: string) => R): R {
    try {
      return load(digest);
    } catch (error) {
      rmSync(this.libraryPath(digest), { force: true });
      throw error;
    }
  }

  /** Removes a private directory. */
  close(): void {
    if (this.persistent) return;
    process.off("exit", this.removeAtExit);
    this.removeAtExit();
  }

  /** Bytes and number of the libraries kept. */
  get size(): { readonly bytes: number; readonly libraries: number } {
    const libraries = this.list(isLibrary);
    return { bytes: libraries.reduce((sum, f) => sum + f.bytes, 0), libraries: libraries.length };
  }

  /** Removes everything that caches keep in their folder; gives the bytes freed. Libraries in use stay mapped. */
  clear(): number {
    const files = this.list((name) => /\.(?:so|nest|tmp|code)$|^cc\w+\.\w+$/.test(name));
    for (const file of files) rmSync(file.path, { force: true });
    return files.reduce((sum, f) => sum + f.bytes, 0);
  }

  private check(digest: string): boolean {
    const path = this.libraryPath(digest);
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(path);
    } catch {
      return false;
    }
    if (sha256(bytes) !== digest) {
      rmSync(path, { force: true });
      return false;
    }
    touch(path);
    return true;
  }

  /** Keeps the most recently used libraries: when they are too many, the oldest go until 3/4 of the bound is left. */
  evict(): void {
    if (!this.persistent) return;
    const libraries = this.list(isLibrary);
    let bytes = libraries.reduce((sum, f) => sum + f.bytes, 0);
    this.removeLeftovers();
    if (bytes <= this.maxBytes) return;
    const gone = new Set<string>();
    for (const file of libraries.sort((a, b) => a.time - b.time)) {
      if (bytes <= this.maxBytes * 0.75) break;
      rmSync(file.path, { force: true });
      gone.add(file.name.slice(0, -3));
      bytes -= file.bytes;
    }
    for (const file of this.list(isIndex)) {
      if (gone.has(readText(file.path)?.trim() ?? "")) rmSync(file.path, { force: true });
    }
  }

  /** Removes what processes left that were killed: our unfinished files, and the compiler's. */
  private removeLeftovers(): void {
    for (const file of this.list((name) => !/\.(?:so|nest|code)$/.test(name)))
      if (Date.now() - file.time > LEFTOVER_AGE) rmSync(file.path, { force: true });
  }

  private list(wanted: (name: string) => boolean): { name: string; path: string; bytes: number; time: number }[] {
    return readdirSync(this.directory)
      .filter(wanted)
      .flatMap((name) => {
        const path = join(this.directory, name);
        // Another process may have removed it since.
        const stat = statSync(path, { throwIfNoEntry: false });
        return stat ? [{ name, path, bytes: stat.size, time: stat.mtimeMs }] : [];
      });
  }
}

const isLibrary = (name: string): boolean => name.endsWith(".so");
const isIndex = (name: string): boolean => name.endsWith(".nest");

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Marks a file as used now, for eviction; a cache that cannot be written stays as it is. */
function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    return;
  }
}

/** Makes a directory and those above it. Node's own way never ends where the parent says that there is no such place, as /proc does. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(path)) throw error;
  }
}

/** Makes the directory, or checks that it is this user's, no link, closed to others, and can be written. */
export function ownDirectory(path: string): boolean {
  try {
    makeDirectory(path);
    const stat = lstatSync(path);
    if (!stat.isDirectory() || (process.getuid && stat.uid !== process.getuid())) return false;
    if ((stat.mode & 0o077) !== 0) chmodSync(path, 0o700);
    const probe = join(path, `${process.pid}-${randomUUID()}.tmp`);
    writeFileSync(probe, "");
    rmSync(probe);
    return true;
  } catch {
    return false;
  }
}
