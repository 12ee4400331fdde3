import type { Secret } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import type { Lister } from "../machinery/lister.ts";
import { DeliveryFailure } from "./delivery-failure.ts";

export type SecretReader = Pick<Lister<Secret>, "get">;

/** The values of one Secret as text, read at every attempt: a rotated one is taken up by the next. */
export class ReceiverSecret {
  readonly #name: string;
  readonly #data: Readonly<Record<string, string>>;

  /** @throws {DeliveryFailure} where there is none: it may come. */
  constructor(secrets: SecretReader, { namespace, name }: ObjectKey) {
    this.#name = `Secret ${namespace}/${name}`;
    const secret = secrets.get({ namespace, name });
    if (!secret) throw new DeliveryFailure(`${this.#name} is not there`);
    this.#data = secret.data ?? {};
  }

  /** Without white space at its ends, which editors leave. Undefined where it is absent or empty. */
  find(key: string): string | undefined {
    const value = Buffer.from(this.#data[key] ?? "", "base64")
      .toString("utf8")
      .trim();
    return value === "" ? undefined : value;
  }

  /** @throws {DeliveryFailure} where the key is absent or empty. */
  get(key: string): string {
    const value = this.find(key);
    if (value === undefined) throw this.refusal(key, "is missing");
    return value;
  }

  /** Names the key, and never its value. */
  refusal(key: string, problem: string): DeliveryFailure {
    return new DeliveryFailure(`"${key}" of ${this.#name} ${problem}`);
  }
}
