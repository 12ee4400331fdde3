import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";

interface Named {
  readonly name: string;
  readonly id?: string | undefined;
}

/** Deletions that were accepted: what is found again for a while is not there any more. As many as are being deleted. */
export class Leaving {
  readonly #ids = new Map<string, string>();

  add(kind: string, { name, id = "" }: Named): void {
    this.#ids.set(`${kind}/${name}`, id);
  }

  has(kind: string, { name, id = "" }: Named): boolean {
    return this.#ids.get(`${kind}/${name}`) === id;
  }

  /** It is not found any more. */
  gone(kind: string, name: string): void {
    this.#ids.delete(`${kind}/${name}`);
  }
}

/** Pure. */
export function stillLeaving(name: string): TransientError {
  return new TransientError(Reason.BackendError, `${name} is still being deleted; it is made again when that is done`);
}

/** Pure. */
export function foreign(kind: string, name: string): TransientError {
  const message = `${kind} ${name} is in the project that this deployment did not make, and it is left alone; remove or rename it`;
  return new TransientError(Reason.BackendError, message);
}
