import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";

interface Named {
  readonly name: string;
  readonly id?: string | undefined;
}

/** Far more than can be on their way out at once. */
const MOST = 1_000;

/** Deletions that were accepted: what is found again for a while is not there any more. */
export class Leaving {
  readonly #ids = new Map<string, string>();

  add(kind: string, { name, id = "" }: Named): void {
    this.#ids.delete(`${kind}/${name}`);
    this.#ids.set(`${kind}/${name}`, id);
    const [oldest] = this.#ids.keys();
    if (this.#ids.size > MOST && oldest !== undefined) this.#ids.delete(oldest);
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
