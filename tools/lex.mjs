// A small scanner of TypeScript text: blanks comments and the insides of strings, and lists the strings and comments.
// (TypeScript 7's own scanner is published only under "unstable" paths; the checks need no more than this.)

/**
 * @typedef {{ start: number, end: number, text: string }} Span
 * `start` and `end` are offsets of the whole token; `text` is what stands between its quotes or after its comment mark.
 */

/**
 * A slash starts a regular expression where no value can have ended just before it.
 * @param {string} before the blanked text in front of the slash
 */
function startsRegExp(before) {
  const head = before.trimEnd();
  if (head === "") return true;
  if (/(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await)$/.test(head)) return true;
  return !/[\w$)\]}"'`]$/.test(head);
}

/**
 * End offset of a quoted string or regular expression that opens at `at`.
 * @param {string} source
 * @param {number} at
 * @param {string} close the closing character
 */
function endOfLiteral(source, at, close) {
  let inClass = false;
  for (let i = at + 1; i < source.length; i++) {
    const c = source[i];
    if (c === "\\") i++;
    else if (c === "\n" && close !== "`") return i;
    else if (close === "/" && c === "[") inClass = true;
    else if (close === "/" && c === "]") inClass = false;
    else if (c === close && !inClass) return i + 1;
  }
  return source.length;
}

/**
 * Scans TypeScript or JavaScript. `code` has the length of `source`; comments, string contents and regular expressions
 * are spaces in it (line ends kept), quotes stay, and so does the code inside `${}` of a template.
 * @param {string} source
 * @returns {{ code: string, strings: Span[], comments: Span[] }}
 */
export function scan(source) {
  /** @type {Span[]} */
  const strings = [];
  /** @type {Span[]} */
  const comments = [];
  /** @type {number[]} depth of braces at which each open template's `${` closes */
  const templates = [];
  let code = "";
  let depth = 0;
  let i = 0;
  const blank = (/** @type {number} */ end) => {
    code += source.slice(i, end).replace(/[^\n]/g, " ");
    i = end;
  };
  /** Blanks template text from `i` up to its closing quote or the next `${`. */
  const template = () => {
    let end = i;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end))
      end += source[end] === "\\" ? 2 : 1;
    blank(Math.min(end, source.length));
    if (source[i] === "`") {
      code += "`";
      i += 1;
    } else if (i < source.length) {
      code += "${";
      i += 2;
      templates.push(depth);
      depth++;
    }
  };
  while (i < source.length) {
    const c = /** @type {string} */ (source[i]);
    if (c === "/" && (source[i + 1] === "/" || source[i + 1] === "*")) {
      const line = source[i + 1] === "/";
      const found = source.indexOf(line ? "\n" : "*/", i + 2);
      const end = found < 0 ? source.length : line ? found : found + 2;
      comments.push({ start: i, end, text: source.slice(i + 2, line || found < 0 ? end : end - 2) });
      blank(end);
    } else if (c === '"' || c === "'") {
      const end = endOfLiteral(source, i, c);
      strings.push({ start: i, end, text: source.slice(i + 1, end - 1) });
      code += c + " ".repeat(Math.max(0, end - i - 2)) + (end - i > 1 ? c : "");
      i = end;
    } else if (c === "`") {
      code += c;
      i++;
      template();
    } else if (c === "/" && startsRegExp(code)) {
      blank(endOfLiteral(source, i, "/"));
    } else if (c === "}" && templates.at(-1) === depth - 1) {
      templates.pop();
      depth--;
      code += c;
      i++;
      template();
    } else {
      if (c === "{") depth++;
      else if (c === "}") depth--;
      code += c;
      i++;
    }
  }
  return { code, strings, comments };
}

/**
 * The module specifiers of a file: `import`, `export … from`, `import()` and `import("…").T`, types included.
 * @param {string} source
 * `typeOnly`: the whole statement is `import type …` or `export type …`, which leaves nothing at run time.
 * @returns {{ specifier: string, line: number, typeOnly: boolean }[]}
 */
export function importsOf(source) {
  const { code, strings } = scan(source);
  return strings
    .filter(({ start }) =>
      /(?:^|[^\w$.])(?:from|import|import\s*\(|require\s*\()\s*$/.test(code.slice(Math.max(0, start - 40), start)),
    )
    .map(({ start, text }) => {
      const before = code.slice(0, start);
      const statement = before.slice(Math.max(before.lastIndexOf("import"), before.lastIndexOf("export")));
      return { specifier: text, line: lineAt(source, start), typeOnly: /^(?:import|export)\s+type\b/.test(statement) };
    });
}

/**
 * The 1-based line of an offset.
 * @param {string} source
 * @param {number} offset
 */
export function lineAt(source, offset) {
  let line = 1;
  for (let i = source.indexOf("\n"); i >= 0 && i < offset; i = source.indexOf("\n", i + 1)) line++;
  return line;
}
