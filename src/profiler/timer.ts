// Times of steps: their mean, their throughput, and the part spent waiting for data.

/** Steps that the closing summary leaves out, because code is still being made. */
const skipped = 10;

/** What was measured of one quantity, in its unit. */
class Series {
  total = 0;
  count = 0;
  max = 0;
  min = Infinity;

  add(x: number): void {
    this.total += x;
    this.count++;
    this.max = Math.max(this.max, x);
    this.min = Math.min(this.min, x);
  }
}

/** Takes the time of steps. Seconds throughout. */
export class StepTimer {
  private last = performance.now();
  private steps = 0;
  /** Since the last report, and since the first steps. */
  private recent = { batch: new Series(), reader: new Series(), samples: 0 };
  private readonly overall = { batch: new Series(), reader: new Series(), speed: new Series(), samples: 0 };
  /** Whether throughput is in steps, since a step was given no number of samples. */
  private inSteps = false;

  /** Notes a wait for data. */
  reading(seconds: number): void {
    this.recent.reader.add(seconds);
    if (this.steps >= skipped) this.overall.reader.add(seconds);
  }

  /** Ends a step of `samples` samples. */
  step(samples: number | undefined): void {
    const now = performance.now();
    const seconds = (now - this.last) / 1000;
    this.last = now;
    this.inSteps ||= samples === undefined;
    const { recent, overall } = this;
    recent.batch.add(seconds);
    recent.samples += samples ?? 0;
    if (this.steps++ < skipped) return;
    overall.batch.add(seconds);
    overall.samples += samples ?? 0;
    overall.speed.add((this.inSteps ? 1 : samples!) / seconds);
  }

  /** Means since the last report, as Paddle words them: ` reader_cost: … s batch_cost: … s ips: … images/s`. */
  report(unit: string): string {
    const { batch, reader, samples } = this.recent;
    const parts: string[] = [];
    if (reader.total > 0) parts.push(` reader_cost: ${(reader.total / reader.count).toFixed(5)} s`);
    if (batch.total > 0) {
      const speed = (this.inSteps ? batch.count : samples) / batch.total;
      parts.push(` batch_cost: ${(batch.total / batch.count).toFixed(5)} s`);
      if (speed > 0) parts.push(` ips: ${speed.toFixed(3)} ${this.inSteps ? "steps" : unit}/s`);
    }
    this.recent = { batch: new Series(), reader: new Series(), samples: 0 };
    return parts.join("");
  }

  /** The closing table over all steps but the first ten; undefined when there were no more. */
  summary(): string | undefined {
    const { batch, reader, speed, samples } = this.overall;
    if (batch.count === 0) return undefined;
    const cells = (...texts: string[]): string => `| ${texts.map((t) => centred(t, 15)).join(" | ")} |`;
    const row = (name: string, mean: number, s: Series): string =>
      cells(name, mean.toFixed(5), s.max.toFixed(5), s.min.toFixed(5));
    const lines = [centred("Perf Summary", 100, "=")];
    if (reader.count > 0) lines.push(`Reader Ratio: ${((100 * reader.total) / batch.total).toFixed(3)}%`);
    lines.push(`Time Unit: s, IPS Unit: ${this.inSteps ? "steps" : "samples"}/s`, cells("", "avg", "max", "min"));
    if (reader.count > 0) lines.push(row("reader_cost", reader.total / batch.count, reader));
    lines.push(row("batch_cost", batch.total / batch.count, batch));
    lines.push(row("ips", (this.inSteps ? batch.count : samples) / batch.total, speed));
    return lines.join("\n");
  }
}

/** Text in the middle of a line. */
function centred(text: string, width: number, fill = " "): string {
  return text.padStart(Math.ceil((width + text.length) / 2), fill).padEnd(width, fill);
}
