// A worker of the platform that runs a program of ours and speaks in messages: what loaders fetch samples with.

/** A running worker. */
export interface HostWorker {
  post(message: unknown): void;
  /** Ends it at once. */
  close(): void;
}

/** What becomes of a worker's messages. */
export interface HostWorkerEvents {
  message(data: unknown): void;
  /** The worker failed or ended; no message follows. */
  failed(reason: string): void;
}

/** Lines that define `receive(listener)` and `send(message)` for a program, on either platform. */
export type StartHostWorker = (program: string, events: HostWorkerEvents) => HostWorker;
