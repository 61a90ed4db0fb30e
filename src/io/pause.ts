// A break for the event loop, so that timers, messages and finalizers get their turn in a long loop.

/** How long a loop runs before it lets others run, in milliseconds. */
const TURN = 5;

let last = 0;

/** A promise of the next turn of the event loop when this one has lasted long enough, else undefined. */
export function pauseIfDue(): Promise<void> | undefined {
  const now = performance.now();
  if (now - last < TURN) return undefined;
  return nextTurn().then(() => {
    last = performance.now();
  });
}

/** Resolves in a macrotask. Browsers delay nested timers by 4 ms, but not messages. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const immediate: ((then: () => void) => unknown) | undefined = globalThis.setImmediate;
    if (immediate) {
      immediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
