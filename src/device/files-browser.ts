// Files of browsers: read from URLs; there is no folder to write to.

import { UnavailableError } from "../core/errors.js";
import { fetchBytes } from "./fetch.js";
import type { Files } from "./files.js";

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
