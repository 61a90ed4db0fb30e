// Files of Node: written under a temporary name and renamed, so that nobody sees half a file.

import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NotFoundError, UnavailableError } from "../core/errors.js";
import { fetchBytes } from "./fetch.js";
import type { Files, FileSource, LocalFiles, OpenFile } from "./files.js";

/** Bytes of one call of the system: fewer than any system takes at once. */
const BYTES_AT_ONCE = 2 ** 30;

/** Files of this machine by path or `file:` URL; other URLs are fetched. */
export const files: Files = {
  open(from) {
    const path = pathOf(from);
    if (path === undefined) return undefined;
    try {
      return new NodeFile(path);
    } catch (error) {
      throw failure("load", path, error);
    }
  },

  async read(from) {
    const path = pathOf(from);
    if (path === undefined) return fetchBytes(from);
    try {
      return await readFile(path);
    } catch (error) {
      throw failure("load", path, error);
    }
  },

  async write(to, bytes, makeFolders = false) {
    const path = pathOf(to);
    if (path === undefined) throw new UnavailableError(`${String(to)} cannot be written to.`, { op: "save" });
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      if (makeFolders) mkdirSync(dirname(path), { recursive: true });
      const file = openSync(temporary, "wx");
      try {
        writeAll(file, bytes instanceof Uint8Array ? [bytes] : bytes);
        await flushed(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw failure("save", path, error);
    }
  },
};

class NodeFile implements OpenFile {
  readonly length: number;
  private readonly file: number;

  constructor(private readonly path: string) {
    this.file = openSync(path, "r");
    this.length = fstatSync(this.file).size;
  }

  fill(target: Uint8Array, at: number): void {
    try {
      for (let n = 0; n < target.length; ) {
        const read = readSync(this.file, target, n, Math.min(target.length - n, BYTES_AT_ONCE), at + n);
        if (read === 0) throw new Error("it became shorter while it was read");
        n += read;
      }
    } catch (error) {
      throw failure("load", this.path, error);
    }
  }

  close(): void {
    closeSync(this.file);
  }
}

const flushed = promisify(fsync);

/** Writes parts one after another: into the system's memory, which takes less time than a copy of them would. */
function writeAll(file: number, parts: readonly Uint8Array[]): void {
  for (const part of parts)
    for (let at = 0; at < part.length; ) at += writeSync(file, part, at, Math.min(part.length - at, BYTES_AT_ONCE));
}

/** Files by path or `file:` URL; packages as the program's folder, then this package's, would import them. */
export const localFiles: LocalFiles = {
  read(from) {
    const path = pathOf(from);
    if (path === undefined) {
      const hint = "Fetch it first and pass its bytes.";
      throw new UnavailableError(`${String(from)} is not on this machine.`, { op: "load", hint });
    }
    try {
      return readFileSync(path);
    } catch (error) {
      throw failure("load", path, error);
    }
  },

  inPackage(name, file) {
    const folders = [join(process.cwd(), "package.json"), import.meta.url]
      .flatMap((from) => createRequire(from).resolve.paths(name) ?? [])
      .map((folder) => join(folder, name, file));
    return folders.find((path) => existsSync(path));
  },
};

/** The path in the file system, or undefined for what must be fetched. */
function pathOf(from: FileSource): string | undefined {
  const text = String(from);
  if (/^file:/i.test(text)) return fileURLToPath(text);
  return from instanceof URL || /^(?:https?|data|blob):/i.test(text) ? undefined : text;
}

function failure(op: string, path: string, error: unknown): Error {
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  const fields = { op, path, code };
  if (code === "ENOENT") {
    const what = op === "load" ? "there is no file" : "there is no folder for";
    return new NotFoundError(`${what} "${path}".`, fields);
  }
  return new UnavailableError(`"${path}" cannot be ${op === "load" ? "read" : "written"}: ${message}.`, fields);
}
