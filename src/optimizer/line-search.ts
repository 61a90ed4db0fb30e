// Line search: a step length along a direction that satisfies the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization, 2006, algorithms 3.5 and 3.6).

/** A point of the line: step length, value, slope, and whatever belongs to it. */
export interface LinePoint<T> {
  readonly step: number;
  readonly value: number;
  /** Derivative along the direction. */
  readonly slope: number;
  readonly at: T;
}

/** What a search found. */
export interface LineResult<T> {
  readonly point: LinePoint<T>;
  readonly evaluations: number;
}

/** Share of the first slope by which the value must fall. */
const decrease = 1e-4;
/** Share of the first slope that may be left. */
const curvature = 0.9;
const maxSteps = 25;

/** The minimum of the cubic through two points with their slopes (formula 3.59), within bounds; their middle where there is none. */
function cubicMinimum<T>(
  a: LinePoint<T>,
  b: LinePoint<T>,
  [low, high]: readonly [number, number] = [Math.min(a.step, b.step), Math.max(a.step, b.step)],
): number {
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const [left, right] = a.step <= b.step ? [a, b] : [b, a];
  const d2 = Math.sqrt(square);
  const ratio = (right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2);
  return Math.min(Math.max(right.step - (right.step - left.step) * ratio, low), high);
}

/** A search along one direction. */
class Search<T> {
  evaluations = 0;
  private steps = 0;

  constructor(
    private readonly evaluate: (step: number) => LinePoint<T>,
    private readonly start: LinePoint<T>,
    /** Brackets whose ends are nearer than this are not narrowed. */
    private readonly narrowest: number,
  ) {}

  run(first: number): LinePoint<T> {
    const bracket = this.bracket(this.next(first));
    return bracket.length === 1 ? bracket[0] : this.zoom(bracket);
  }

  private next(step: number): LinePoint<T> {
    this.evaluations++;
    return this.evaluate(step);
  }

  private tooHigh({ step, value }: LinePoint<T>): boolean {
    return value > this.start.value + decrease * step * this.start.slope;
  }

  private flat({ slope }: LinePoint<T>): boolean {
    return Math.abs(slope) <= -curvature * this.start.slope;
  }

  /** Widens the interval until it holds a good point; gives the point itself if it comes across one. */
  private bracket(first: LinePoint<T>): [LinePoint<T>] | [LinePoint<T>, LinePoint<T>] {
    let before = this.start;
    let point = first;
    while (this.steps < maxSteps) {
      if (this.tooHigh(point) || (this.steps > 1 && point.value >= before.value)) return [before, point];
      if (this.flat(point)) return [point];
      if (point.slope >= 0) return [before, point];
      const bounds = [point.step + 0.01 * (point.step - before.step), point.step * 10] as const;
      const step = cubicMinimum(before, point, bounds);
      before = point;
      point = this.next(step);
      this.steps++;
    }
    return [this.start, point];
  }

  /** Narrows an interval until its better end is good, and gives that. */
  private zoom(ends: [LinePoint<T>, LinePoint<T>]): LinePoint<T> {
    let low: 0 | 1 = ends[0].value <= ends[1].value ? 0 : 1;
    let slow = false;
    while (this.steps < maxSteps) {
      const [from, to] = ends[0].step <= ends[1].step ? [ends[0].step, ends[1].step] : [ends[1].step, ends[0].step];
      if (to - from < this.narrowest) break;
      const trial = awayFromEnds(cubicMinimum(ends[0], ends[1]), from, to, slow);
      slow = trial.slow;
      const point = this.next(trial.step);
      this.steps++;
      const high = low === 0 ? 1 : 0;
      if (this.tooHigh(point) || point.value >= ends[low].value) {
        ends[high] = point;
        low = ends[0].value <= ends[1].value ? 0 : 1;
        continue;
      }
      if (!this.flat(point) && point.slope * (ends[high].step - ends[low].step) >= 0) ends[high] = ends[low];
      ends[low] = point;
      if (this.flat(point)) break;
    }
    return ends[low];
  }
}

/** A trial near an end is moved a tenth of the interval inwards if it lies on it, or if the one before was near an end, too. */
function awayFromEnds(step: number, from: number, to: number, slow: boolean): { step: number; slow: boolean } {
  const margin = 0.1 * (to - from);
  if (Math.min(to - step, step - from) >= margin) return { step, slow: false };
  if (!slow && step < to && step > from) return { step, slow: true };
  return { step: Math.abs(step - to) < Math.abs(step - from) ? to - margin : from + margin, slow: false };
}

/**
 * Searches along a line.
 *
 * @param evaluate the point at a step length
 * @param start the point at step 0; its slope is negative
 * @param first the first step length to try
 * @param narrowest interval length at which the search ends
 */
export function strongWolfe<T>(
  evaluate: (step: number) => LinePoint<T>,
  start: LinePoint<T>,
  first: number,
  narrowest: number,
): LineResult<T> {
  const search = new Search(evaluate, start, narrowest);
  const point = search.run(first);
  return { point, evaluations: search.evaluations };
}
