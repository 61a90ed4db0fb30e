// The scanner behind the checks: what is code, what is string, comment, template or regular expression.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importsOf, lineAt, scan } from "./lex.mjs";

describe("scan", () => {
  it("blanks comments and the insides of strings, keeping every offset", () => {
    const source = 'const a = "x//y"; // said "so"\n/* b */ const c = \'d\';\n';
    const { code, strings, comments } = scan(source);
    expect(code).toBe(`const a = "    "; ${" ".repeat(12)}\n        const c = ' ';\n`);
    expect(strings.map((s) => s.text)).toEqual(["x//y", "d"]);
    expect(comments.map((c) => c.text)).toEqual([' said "so"', " b "]);
  });

  it("keeps the code inside templates, nested ones and objects too", () => {
    const { code, strings } = scan('`a ${f({ b: `c ${"d"} e` })} // no comment` + g // yes');
    expect(code.trimEnd()).toBe('`  ${f({ b: `  ${" "}  ` })}              ` + g');
    expect(strings.map((s) => s.text)).toEqual(["d"]);
  });

  it("tells a regular expression from a division", () => {
    expect(scan('x.replace(/["/]/g, y)').strings).toEqual([]);
    expect(scan('return /"/.test(s) ? "a" : b').strings.map((s) => s.text)).toEqual(["a"]);
    expect(scan('(a) / b / "c"').strings.map((s) => s.text)).toEqual(["c"]);
  });

  it("survives any text and keeps its length and line ends", () => {
    const text = fc.string({ unit: fc.constantFrom(..."a /*\"'`\\${}()[]\n=".split(""), "return "), maxLength: 60 });
    fc.assert(
      fc.property(text, (source) => {
        const { code } = scan(source);
        expect(code.length).toBe(source.length);
        expect([...code].map((c, i) => (c === "\n" ? i : -1)).filter((i) => i >= 0 && source[i] !== "\n")).toEqual([]);
      }),
    );
  });
});

describe("importsOf", () => {
  it("finds every kind of import, with its line", () => {
    const source = [
      'import a from "./a.js";',
      "import type {",
      "  B,",
      '} from "./b.js";',
      'export * from "./c.js";',
      'const d = await import("./d.js");',
      'type E = import("./e.js").E;',
      'import "./f.js";',
      '// import "./no.js"',
      "const text = 'import \"./no.js\"';",
      'Array.from("no");',
    ].join("\n");
    expect(importsOf(source)).toEqual([
      { specifier: "./a.js", line: 1, typeOnly: false },
      { specifier: "./b.js", line: 4, typeOnly: true },
      { specifier: "./c.js", line: 5, typeOnly: false },
      { specifier: "./d.js", line: 6, typeOnly: false },
      { specifier: "./e.js", line: 7, typeOnly: false },
      { specifier: "./f.js", line: 8, typeOnly: false },
    ]);
  });
});

it("counts lines from 1", () => {
  expect([0, 1, 2, 3].map((offset) => lineAt("a\nb\nc", offset))).toEqual([1, 1, 2, 2]);
});
