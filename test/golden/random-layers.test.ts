// Golden: the parameters that layers draw when they are made, in Paddle's order, and the stream's place afterwards.

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
  readonly file: string;
}

const { layers } = fixtureJson<{ layers: Recorded[] }>("random/manifest.json");

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
    return new made(...values, ...(Object.keys(options).length > 0 ? [options] : []));
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
      const data = fixtureArray(`random/${c.file}`);
      const total = data.shape[1]!;
      c.seeds.forEach((seed, i) => {
        oar.seed(seed);
        const layer = new Expression(c.expr).value() as oar.nn.Layer;
        const next = Array.from(oar.uniform([2]).dataSync("float32"));
        const parameters = layer.namedParameters();
        expect([...parameters].map(([name, p]) => [name, p.shape])).toEqual(c.params.map((p) => [p.name, p.shape]));
        const flat = [...parameters].flatMap(([, p]) => Array.from(p.dataSync("float32")));
        expect(flat).toEqual(Array.from(data.data.subarray(i * total, (i + 1) * total), Number));
        expect(next).toEqual(c.next[i]);
      });
    });
  }
});
