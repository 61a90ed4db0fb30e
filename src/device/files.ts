// What a platform offers for whole files.

/** Where bytes are: a path or URL. */
export type FileSource = string | URL;

/** Reading and writing whole files. */
export interface Files {
  /** @throws NotFoundError when there is no such file, UnavailableError when it cannot be read. */
  read(from: FileSource): Promise<Uint8Array>;
  /** Writes all or nothing. @throws UnavailableError when it cannot be written. */
  write(to: FileSource, bytes: Uint8Array, makeFolders?: boolean): Promise<void>;
}
