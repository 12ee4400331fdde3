import type { StoredObject } from "../storage/store.ts";

/** What the server has its thread for restores do. Times are ISO 8601. */
export type PreparationOrder =
  | {
      readonly task: "build";
      /** The backup, as it was sent. */
      readonly backup: string;
      /** The store to make of it. */
      readonly store: string;
      readonly dataDir: string;
      /** The highest revision that the server has given out. */
      readonly known: number;
      readonly now: string;
    }
  | { readonly task: "save"; readonly dataDir: string; readonly file: string; readonly now: string };

/** What it says: portions of what is restored, then one end. */
export type PreparationAnswer =
  | { readonly objects: readonly StoredObject[] }
  | { readonly built: BuiltStore }
  | { readonly saved: true }
  /** `isBackup` when it is the backup that cannot be used, and not this machine. */
  | { readonly error: string; readonly isBackup: boolean };

export interface BuiltStore {
  readonly revision: number;
  /** When the backup was made. */
  readonly at: string;
}
