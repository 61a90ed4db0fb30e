// Runs an example: bundles examples/NAME/main.ts with the sources that "oarjs" means into one file, and runs that.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "./files.mjs";

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const [name = "", ...args] = process.argv.slice(2);
const entry = join(root, "examples", name, "main.ts");
if (name === "" || !existsSync(entry)) {
  const folder = join(root, "examples");
  const known = existsSync(folder) ? readdirSync(folder).filter((e) => existsSync(join(folder, e, "main.ts"))) : [];
  console.error(`no examples/${name}/main.ts; examples: ${known.join(", ") || "none yet"}`);
  process.exit(1);
}

// Inside the repository, so that the dependencies, which stay outside the bundle, are found in node_modules.
const outfile = join(root, ".cache", "examples", `${name}.mjs`);
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  // Types are checked by `npm run check`; here a start must not wait for that.
  alias: { oarjs: join(root, "src", "index.ts"), "#platform": join(root, "src", "device", "platform-node.ts") },
  external: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.devDependencies }),
  sourcemap: "inline",
  sourcesContent: false,
  tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
});
process.setSourceMapsEnabled(true);
process.argv = [process.execPath, entry, ...args];
await import(pathToFileURL(outfile).href);
