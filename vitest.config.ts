// How the tests run: files in src and test, each in its own process, "oarjs" meaning the sources.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = fileURLToPath(new URL("./src", import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^#platform$/, replacement: `${source}/device/platform-node.ts` },
      { find: /^oarjs$/, replacement: `${source}/index.ts` },
      { find: /^oarjs\/(.+)$/, replacement: `${source}/$1/index.ts` },
    ],
  },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "tools/**/*.test.ts"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
