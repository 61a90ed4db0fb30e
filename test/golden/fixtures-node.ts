// Where the golden tests find recorded Paddle data: OAR_FIXTURES if set, else test/fixtures.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = process.env.OAR_FIXTURES ?? fileURLToPath(new URL("../fixtures", import.meta.url));

/** Path of one recorded file. */
export const fixturePath = (path: string): string => `${root}/${path}`;

/** Bytes of one recorded file. */
export const fixtureBytes = (path: string): Uint8Array => readFileSync(fixturePath(path));

/** One recorded JSON file; the caller knows its form. */
export const fixtureJson = <T>(path: string): T => JSON.parse(readFileSync(fixturePath(path), "utf8")) as T;
