// What a command of the command line is made of.

/** An option of a command; all are switches for now. */
export interface Option {
  readonly name: string;
  /** What it does, in one line of the help. */
  readonly help: string;
}

/** Where a command writes, and what it reads besides its arguments. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes a line. */
  readonly print: (line: string) => void;
}

/** A command: `npx oarjs NAME`. */
export interface Command {
  readonly name: string;
  /** What it is for, in one line. */
  readonly summary: string;
  /** More for its own help, by paragraphs. */
  readonly details: readonly string[];
  readonly options: readonly Option[];
  /** Runs it; gives the exit code. */
  run(given: ReadonlySet<string>, around: Surroundings): number;
}
