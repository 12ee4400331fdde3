/** What each deployment asks for by now, by its UID: at most one entry for each that approvals concern. Not known after a restart until it was looked at. */
export class WantedDigests {
  readonly #digests = new Map<string, string>();
  readonly #onChange: (uid: string) => void;

  constructor(onChange: (uid: string) => void) {
    this.#onChange = onChange;
  }

  get(uid: string): string | undefined {
    return this.#digests.get(uid);
  }

  set(uid: string, digest: string): void {
    if (this.#digests.get(uid) === digest) return;
    this.#digests.set(uid, digest);
    this.#onChange(uid);
  }

  delete(uid: string): void {
    this.#digests.delete(uid);
  }
}
