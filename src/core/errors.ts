// The error classes users see, by kind, with Paddle's tags; each message names the op, the shapes and the cure.

/** What an error knows beside its text; tests assert on these, not on prose. */
export interface ErrorFields {
  /** The op or API that refused, as in `[matmul]`. */
  readonly op?: string | undefined;
  /** What to do about it, appended as a hint. */
  readonly hint?: string | undefined;
  /** Everything else worth asserting on: shapes, indices, names. */
  readonly [key: string]: unknown;
}

/** V8's limit of lines in a stack: 10, which often ends before it reaches the user's own line. */
const Engine: { stackTraceLimit?: number } = Error;
const frames = 60;

/** Base of every error Oar throws on purpose. `kind` is Paddle's tag. */
export class OarError extends Error {
  readonly kind: string;
  readonly fields: ErrorFields;
  /** The layers in whose `forward` it arose, outermost first. */
  readonly layers: readonly string[] = [];

  constructor(kind: string, message: string, fields: ErrorFields = {}) {
    const tag = fields.op === undefined ? "" : `[${fields.op}] `;
    const hint = fields.hint === undefined ? "" : `\n  [Hint: ${fields.hint}]`;
    const limit = Engine.stackTraceLimit;
    if (limit !== undefined && limit > 0 && limit < frames) Engine.stackTraceLimit = frames;
    super(`(${kind}) ${tag}${message}${hint}`);
    if (limit !== undefined) Engine.stackTraceLimit = limit;
    this.kind = kind;
    this.fields = fields;
  }

  /** Names the layer around those named so far, in the message too. */
  inLayer(name: string): this {
    (this.layers as string[]).unshift(name);
    return this.rewrite(`${this.message.replace(/\n {2}\[Layer: .*\]$/, "")}\n  [Layer: ${this.layers.join(" > ")}]`);
  }

  /** Adds where it arose, as `[Operator: …]` or `[Called: …]`, below the message. */
  noted(label: string, text: string): this {
    return this.rewrite(`${this.message}\n  [${label}: ${text}]`);
  }

  private rewrite(message: string): this {
    // The stack is read first: engines may write its first lines, with the message, only when it is asked for.
    const { message: former, stack } = this;
    this.message = message;
    if (stack !== undefined) this.stack = stack.replace(former, () => message);
    return this;
  }
}

/** An argument has a wrong type, shape, dtype or value. */
export class InvalidArgumentError extends OarError {
  override readonly name = "InvalidArgumentError";
  constructor(message: string, fields?: ErrorFields) {
    super("InvalidArgument", message, fields);
  }
}

/** A name, file or variable does not exist. */
export class NotFoundError extends OarError {
  override readonly name = "NotFoundError";
  constructor(message: string, fields?: ErrorFields) {
    super("NotFound", message, fields);
  }
}

/** An index or axis lies outside its range. */
export class OutOfRangeError extends OarError {
  override readonly name = "OutOfRangeError";
  constructor(message: string, fields?: ErrorFields) {
    super("OutOfRange", message, fields);
  }
}

/** A name is taken, or a thing was already done. */
export class AlreadyExistsError extends OarError {
  override readonly name = "AlreadyExistsError";
  constructor(message: string, fields?: ErrorFields) {
    super("AlreadyExists", message, fields);
  }
}

/** The call came in a state where it makes no sense: a consumed graph, a fetch before startup. */
export class PreconditionNotMetError extends OarError {
  override readonly name = "PreconditionNotMetError";
  constructor(message: string, fields?: ErrorFields) {
    super("PreconditionNotMet", message, fields);
  }
}

/** Paddle has it and Oar does not (yet, or on this dtype). */
export class UnimplementedError extends OarError {
  override readonly name = "UnimplementedError";
  constructor(message: string, fields?: ErrorFields) {
    super("Unimplemented", message, fields);
  }
}

/** A resource of the machine is missing or used up: memory, a file, a device. */
export class UnavailableError extends OarError {
  override readonly name = "UnavailableError";
  constructor(message: string, fields?: ErrorFields) {
    super("Unavailable", message, fields);
  }
}

/** Oar broke one of its own rules; please report it. */
export class BugError extends OarError {
  override readonly name = "BugError";
  constructor(message: string, fields?: ErrorFields) {
    super("Bug", message, { hint: "This is a defect of Oar, not of your program.", ...fields });
  }
}

/** Throws {@link BugError} unless `condition` holds. For internal invariants only. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/**
 * The candidate nearest to `word` by edit distance, or undefined when none is near: for "did you mean" hints. A candidate
 * that goes on where `word` ends (`biasAttr` for `bias`) counts as one edit away.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const [a, b] = [word.toLowerCase(), candidate.toLowerCase()];
    const d = a.length > 2 && a !== b && b.startsWith(a) ? 1 : editDistance(a, b);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}
