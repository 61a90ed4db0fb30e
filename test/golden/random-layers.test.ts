// Golden: the parameters that layers draw when they are made, in Paddle's order, and the stream's place afterwards.

import { createHash } from "node:crypto";
import * as oar from "oarjs";
import { describe, expect, test } from "vitest";
import { fixtureArray } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { camelCase } from "./recorded.js";

interface Recorded {
  readonly name: string;
  readonly expr: string;
  readonly seeds: readonly number[];
  readonly params: readonly { readonly name: string; readonly shape: readonly number[]; readonly offset: number }[];
  readonly next: readonly (readonly number[])[];
  /** The values, one row a seed; of large layers only each row's SHA-256. */
  readonly file?: string;
  readonly sha256?: readonly string[];
}

const { layers } = fixtureJson<{ layers: Recorded[] }>("random/manifest.json");

/** Constructors whose arguments all have defaults, so that Oar takes them by name. */
const BY_NAME: Readonly<Record<string, readonly string[]>> = {
  "nn.Transformer": ["dModel", "nhead", "numEncoderLayers", "numDecoderLayers", "dimFeedforward"],
};

const sha256 = (values: readonly number[]): string =>
  createHash("sha256")
    .update(Buffer.from(Float32Array.from(values).buffer))
    .digest("hex");

/** Evaluates the manifest's Python constructors: names, numbers, strings, lists, calls with keyword arguments. */
class Expression {
  private at = 0;
  constructor(private readonly text: string) {}

  value(): unknown {
    const token = this.take(/^(?:"[^"]*"|-?[\d.]+|\[|[\w.]+)/);
    if (token === "[") return this.list().values;
    if (token.startsWith('"')) return token.slice(1, -1);
    if (/^-?[\d.]/.test(token)) return Number(token);
    if (token === "True" || token === "False") return token === "True";
    const made = named(token);
    this.take(/^\(/);
    const { values, options } = this.list();
    const names = BY_NAME[token];
    const all = { ...options, ...(names && Object.fromEntries(values.map((v, i) => [names[i], v]))) };
    return new made(...(names ? [] : values), ...(Object.keys(all).length > 0 ? [all] : []));
  }

  private list(): { values: unknown[]; options: Record<string, unknown> } {
    const values: unknown[] = [];
    const options: Record<string, unknown> = {};
    while (!this.take(/^[\])]?/)) {
      const key = this.take(/^(?:\w+(?==))?/);
      if (key) {
        this.take(/^=/);
        options[camelCase(key)] = this.value();
      } else values.push(this.value());
      this.take(/^,?/);
    }
    return { values, options };
  }

  private take(pattern: RegExp): string {
    this.at += /^\s*/.exec(this.text.slice(this.at))![0].length;
    const found = pattern.exec(this.text.slice(this.at));
    if (!found) throw new Error(`${this.text}: unexpected ${this.text.slice(this.at)}`);
    this.at += found[0].length;
    return found[0];
  }
}

type Constructor = new (...args: unknown[]) => oar.nn.Layer;

/** What a dotted Python name stands for. */
function named(name: string): Constructor {
  let at: unknown = oar;
  for (const part of name.replace(/^paddle\./, "").split(".")) at = (at as Record<string, unknown> | undefined)?.[part];
  return at as Constructor;
}

const known = (expr: string): boolean =>
  [...expr.matchAll(/([\w.]+)\(/g)].every(([, name]) => typeof named(name!) === "function");

describe("layers' parameters", () => {
  for (const c of layers) {
    test.skipIf(!known(c.expr))(c.expr, () => {
      const data = c.file === undefined ? undefined : fixtureArray(`random/${c.file}`);
      c.seeds.forEach((seed, i) => {
        oar.seed(seed);
        const layer = new Expression(c.expr).value() as oar.nn.Layer;
        const next = Array.from(oar.uniform([2]).dataSync("float32"));
        const parameters = layer.namedParameters();
        expect([...parameters].map(([name, p]) => [name, p.shape])).toEqual(c.params.map((p) => [p.name, p.shape]));
        const flat = [...parameters].flatMap(([, p]) => Array.from(p.dataSync("float32")));
        const total = flat.length;
        if (data) expect(flat).toEqual(Array.from(data.data.subarray(i * total, (i + 1) * total), Number));
        else expect(sha256(flat)).toBe(c.sha256![i]);
        expect(next).toEqual(c.next[i]);
      });
    });
  }
});
