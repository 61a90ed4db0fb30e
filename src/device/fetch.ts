// Reading a file over the network, in browsers and on Node.

import { NotFoundError, UnavailableError } from "../core/errors.js";
import type { FileSource } from "./files.js";

/** The bytes behind a URL. @throws NotFoundError for status 404 and 410, UnavailableError for any other failure. */
export async function fetchBytes(from: FileSource): Promise<Uint8Array> {
  const url = String(from);
  const response = await fetch(url).catch((error: unknown) => {
    throw new UnavailableError(`${url} cannot be fetched: ${String(error)}.`, { op: "load", url });
  });
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  if (status === 404 || status === 410)
    throw new NotFoundError(`there is no file at ${url}.`, { op: "load", url, status });
  throw new UnavailableError(`${url} answered with status ${status}.`, { op: "load", url, status });
}
