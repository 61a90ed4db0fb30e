// What a platform offers for whole files.

/** Where bytes are: a path or URL. */
export type FileSource = string | URL;

/** A file that is open for reading at any place. */
export interface OpenFile {
  /** Bytes of it. */
  readonly length: number;
  /** Fills `target` with what stands at `at`. @throws UnavailableError when it cannot be read, or ends before. */
  fill(target: Uint8Array, at: number): void;
  close(): void;
}

/** Reading and writing whole files. */
export interface Files {
  /** Opens a file of this machine; undefined for what must be fetched whole. @throws as `read` */
  open?(from: FileSource): OpenFile | undefined;
  /** @throws NotFoundError when there is no such file, UnavailableError when it cannot be read. */
  read(from: FileSource): Promise<Uint8Array>;
  /**
   * Writes all or nothing. The bytes, given whole or in parts, are read before this returns its promise: they may change afterwards.
   *
   * @throws UnavailableError when it cannot be written.
   */
  write(to: FileSource, bytes: Uint8Array | readonly Uint8Array[], makeFolders?: boolean): Promise<void>;
}

/** Files of this machine that are read at once, for what a constructor needs. */
export interface LocalFiles {
  /** @throws NotFoundError when there is no such file, UnavailableError when it cannot be read or the platform must not wait. */
  read(path: FileSource): Uint8Array;
  /** The path of a file of an installed package, or undefined where there is none. */
  inPackage(name: string, file: string): string | undefined;
}
