// Builds and packs the package once into a temporary folder, and installs the result there as a user's npm would lay it out.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../../tools/build.mjs";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** The package as users get it. */
export interface Packed {
  /** A temporary project with the package in its node_modules. */
  readonly project: string;
  /** The installed package's folder. */
  readonly installed: string;
  /** The .tgz file that `npm pack` made. */
  readonly tarball: string;
  /** Paths in the tarball, sorted. */
  readonly files: readonly string[];
  readonly remove: () => void;
}

/** What package.json says, as far as the tests read it. */
export interface Manifest {
  readonly version: string;
  readonly exports: Record<string, string | { readonly types: string; readonly default: string }>;
  readonly scripts?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

/** Reads a package.json. */
export const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** The folder of a package that this repository has installed. */
function dependencyFolder(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  while (!folder.endsWith(join("node_modules", ...name.split("/")))) folder = dirname(folder);
  return folder;
}

/** Builds into a fresh folder (the repository's own dist is not touched), packs it, and unpacks it into a project. */
export function pack(): Packed {
  const project = mkdtempSync(join(tmpdir(), "oar-packed-"));
  const staging = join(project, "staging");
  const modules = join(project, "node_modules");
  mkdirSync(staging);
  for (const file of ["package.json", "README.md", "LICENSE"]) cpSync(join(root, file), join(staging, file));
  build(join(staging, "dist"));
  const args = ["pack", "--json", "--ignore-scripts"];
  const report = execFileSync("npm", args, { cwd: staging, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [{ filename, files }]: [{ filename: string; files: { path: string }[] }] = JSON.parse(report);
  execFileSync("tar", ["-xzf", filename], { cwd: staging });
  mkdirSync(modules);
  renameSync(join(staging, "package"), join(modules, "oarjs"));
  const { dependencies, optionalDependencies } = manifestOf(root);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    symlinkSync(dependencyFolder(name), join(modules, name));
  }
  return {
    project,
    installed: join(modules, "oarjs"),
    tarball: join(staging, filename),
    files: files.map((file) => file.path).sort(),
    remove: () => rmSync(project, { recursive: true, force: true }),
  };
}

/** All files below a folder whose name ends so. */
export const filesEnding = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(ending));
