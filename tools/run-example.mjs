// Runs an example as a user would: builds the package, bundles examples/NAME/main.ts (oarjs stays outside), runs it.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { build } from "./build.mjs";
import { root } from "./files.mjs";

const [name = "", ...args] = process.argv.slice(2);
const entry = join(root, "examples", name, "main.ts");
if (name === "" || !existsSync(entry)) {
  const folder = join(root, "examples");
  const known = existsSync(folder) ? readdirSync(folder).filter((e) => existsSync(join(folder, e, "main.ts"))) : [];
  console.error(`no examples/${name}/main.ts; examples: ${known.join(", ") || "none yet"}`);
  process.exit(1);
}

build(join(root, "dist"));
// Inside the repository, so that "oarjs" resolves to the package itself and its dependencies to node_modules.
const outfile = join(root, ".cache", "examples", `${name}.mjs`);
await bundle({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
  // The paths of tsconfig.json map "oarjs" to the sources; here it must stay a package name.
  tsconfigRaw: { compilerOptions: { target: "ES2022", verbatimModuleSyntax: true } },
});
process.setSourceMapsEnabled(true);
process.argv = [process.execPath, entry, ...args];
await import(pathToFileURL(outfile).href);
