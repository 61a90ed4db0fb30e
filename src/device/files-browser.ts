// Files of browsers: read from URLs; there is no folder to write to.

import { UnavailableError } from "../core/errors.js";
import { fetchBytes } from "./fetch.js";
import type { Files, LocalFiles } from "./files.js";

/** Files by URL, relative ones from the page's. */
export const files: Files = {
  read: fetchBytes,

  async write(to) {
    throw new UnavailableError(`a page cannot write "${String(to)}".`, {
      op: "save",
      hint: "save(object) without a path gives the bytes: put them in a Blob to download or store them.",
    });
  },
};

/** A page must not wait for a file. */
export const localFiles: LocalFiles = {
  read(from) {
    throw new UnavailableError(`a page cannot wait for "${String(from)}".`, {
      op: "load",
      hint: "Fetch it first and pass its bytes: new Uint8Array(await (await fetch(url)).arrayBuffer()).",
    });
  },
  inPackage: () => undefined,
};
