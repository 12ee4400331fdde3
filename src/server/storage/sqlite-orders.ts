/** What the store sends to its worker. Answers come in the order of the orders, one each. */
export type WorkerOrder =
  | { type: "commit"; writes: readonly RowWrite[]; compactTo: number | undefined }
  | { type: "replace"; file: string }
  | { type: "close" };

/** An insert where `id` equals `revision`, a deletion where `json` is absent, else an update. */
export interface RowWrite {
  readonly id: number;
  readonly revision: number;
  readonly resource: string;
  readonly key: string;
  readonly shape: string;
  readonly json: string | undefined;
}

/** `error` when nothing of the order was done. */
export interface WorkerAnswer {
  readonly error?: string;
}
