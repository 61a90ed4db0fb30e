// The base of every learning-rate schedule: an epoch counter, the current rate, and their saved state.

import { InvalidArgumentError, NotFoundError, UnimplementedError } from "../../core/errors.js";
import { checkOptions, describe } from "../../core/options.js";
import { check, checkNumber, scalarOf } from "./checks.js";

/** What every schedule takes. */
export interface LRSchedulerOptions {
  /** The rate that the schedule starts from; 0.1 by default. */
  learningRate?: number | undefined;
  /** Epoch before the first one, to go on from; -1 by default, a fresh start. */
  lastEpoch?: number | undefined;
  /** Prints a line at each step; false by default. */
  verbose?: boolean | undefined;
}

/** The options that follow a schedule's own. */
export type CommonOptions = Omit<LRSchedulerOptions, "learningRate">;

/** A schedule's saved state under Paddle's key names, as it stands in a `.pdopt` file under `LR_Scheduler`. */
export interface LRStateDict {
  [key: string]: unknown;
}

/**
 * A learning-rate schedule: give one to an optimizer as `learningRate` and call `step()` after each epoch or batch;
 * nothing calls it for you. The "epoch" is only a counter.
 *
 * To write a schedule, extend this class and override {@link LRScheduler.getLr}, which reads `this.lastEpoch` and
 * `this.baseLr`. The first step (to epoch 0) is taken when the schedule is first used, so that a subclass's fields are set.
 *
 * @example
 * class HalfEachTime extends LRScheduler {
 *   override getLr() { return this.baseLr * 0.5 ** this.lastEpoch; }
 * }
 * const schedule = new HalfEachTime({ learningRate: 0.8 });
 * schedule.step();
 * schedule.lastLr; // 0.4
 */
export abstract class LRScheduler {
  /** The rate that the schedule starts from. */
  baseLr: number;
  /** Whether each step prints a line. */
  verbose: boolean;
  #epoch: number;
  #lr: number;
  #started = false;

  /** @throws InvalidArgumentError when the rate is no number or negative, or on an unknown option. */
  constructor(options?: LRSchedulerOptions) {
    if (new.target === LRScheduler) {
      throw new UnimplementedError("LRScheduler has no formula of its own.", {
        op: "LRScheduler",
        hint: "Extend it and override getLr(), or use one of optimizer.lr.",
      });
    }
    const { learningRate = 0.1, lastEpoch = -1, verbose = false } = checkOptions("LRScheduler", options, baseKeys);
    const api = new.target.name;
    checkNumber(api, "learningRate", learningRate);
    check(api, "learningRate", learningRate >= 0, `learningRate must not be negative, got ${learningRate}.`);
    check(api, "lastEpoch", Number.isInteger(lastEpoch), `lastEpoch must be an integer, got ${describe(lastEpoch)}.`);
    this.baseLr = learningRate;
    this.verbose = verbose;
    this.#epoch = lastEpoch;
    this.#lr = learningRate;
  }

  /** The epoch counter: 0 for a fresh schedule. */
  get lastEpoch(): number {
    this.start();
    return this.#epoch;
  }

  set lastEpoch(epoch: number) {
    this.start();
    this.#epoch = epoch;
  }

  /** The rate in force: what an optimizer reads at each update. Paddle's `scheduler()`. */
  get lastLr(): number {
    this.start();
    return this.#lr;
  }

  set lastLr(rate: number) {
    this.start();
    this.#lr = rate;
  }

  /** The formula: the rate for `this.lastEpoch`. {@link LRScheduler.lastLr} is the rate in force. */
  abstract getLr(): number;

  /** The rate for `this.lastEpoch` where `getLr` continues from the last rate; used by jumps. */
  protected closedFormLr(): number {
    return this.getLr();
  }

  /**
   * Moves to the next epoch, or to `epoch` when given, and sets the rate.
   *
   * @param epoch the epoch to jump to, counted from 0
   */
  step(epoch?: number): void {
    this.start();
    if (epoch === undefined) {
      this.#epoch += 1;
      this.#lr = this.getLr();
    } else {
      this.#epoch = epoch;
      this.#lr = this.closedFormLr();
    }
    this.report();
  }

  /** The state to save: `last_epoch`, `last_lr` and what a subclass adds. The constructor's arguments are not part of it. */
  stateDict(): LRStateDict {
    const state: LRStateDict = {};
    for (const key of this.stateKeys()) state[key] = Reflect.get(this, camelCase(key));
    return state;
  }

  /**
   * Restores what {@link LRScheduler.stateDict} gave; build the schedule with the same arguments first. Entries it does not
   * know are reported on the console, as in Paddle.
   *
   * @throws NotFoundError when an entry is missing, InvalidArgumentError when one is no single number.
   */
  setStateDict(state: LRStateDict): void {
    const keys = this.stateKeys();
    for (const key of keys) {
      if (!Object.hasOwn(state, key)) {
        throw new NotFoundError(`the state has no entry ${JSON.stringify(key)}.`, {
          op: `${this.constructor.name}.setStateDict`,
          key,
          hint: `It needs ${keys.join(", ")}.`,
        });
      }
    }
    this.start();
    for (const key of keys) Reflect.set(this, camelCase(key), this.restored(key, state[key]));
    const unknown = Object.keys(state).filter((key) => !keys.includes(key) && !this.ownStateKeys().includes(key));
    if (unknown.length > 0) console.warn(`${this.constructor.name}.setStateDict: unused entries ${unknown.join(", ")}`);
  }

  /** Alias of {@link LRScheduler.setStateDict}. @deprecated use setStateDict */
  setDict(state: LRStateDict): void {
    this.setStateDict(state);
  }

  /** Names of the saved entries, in Paddle's spelling; each is kept in the field of the same name in camelCase. */
  protected stateKeys(): readonly string[] {
    return ["last_epoch", "last_lr"];
  }

  /** Names of entries that a subclass saves and restores itself. */
  protected ownStateKeys(): readonly string[] {
    return [];
  }

  /** Takes the first step, once. */
  protected start(): void {
    if (this.#started) return;
    this.#started = true;
    this.step();
  }

  /** Prints the step, where `verbose` asks for it, in Paddle's words. */
  protected report(): void {
    if (!this.verbose) return;
    console.log(`Epoch ${this.#epoch}: ${this.constructor.name} set learning rate to ${this.#lr}.`);
  }

  private restored(key: string, value: unknown): number | null {
    if (value === null) return null;
    if (value === undefined) throw new InvalidArgumentError(`${key} is undefined.`, { op: "setStateDict", key });
    return scalarOf(`${this.constructor.name}.setStateDict`, key, value);
  }
}

const baseKeys = ["learningRate", "lastEpoch", "verbose"];

/** Keys that all schedules take last, in Paddle's order. */
export const commonKeys = ["lastEpoch", "verbose"] as const;

/** Picks the options that the base constructor takes. */
export function common(options: CommonOptions, learningRate?: number): LRSchedulerOptions {
  return { learningRate, lastEpoch: options.lastEpoch, verbose: options.verbose };
}

const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
