import type { CallOptions } from "./engine/engine-client.ts";
import type { Sandboxes, SandboxSupport } from "./sandbox/sandbox.ts";

/**
 * Keeps what is known of an Engine's sandboxes true: what did not work is tried again at each check, since somebody may have
 * made the image or loaded the kernel's module; what worked is, once its kernel is another.
 */
export class SupportWatch {
  readonly #sandboxes: Pick<Sandboxes, "support">;
  #last: { readonly support: SandboxSupport; readonly kernel: string } | undefined;

  constructor(sandboxes: Pick<Sandboxes, "support">) {
    this.#sandboxes = sandboxes;
  }

  async now(kernel: string, options: CallOptions): Promise<SandboxSupport> {
    const last = this.#last;
    const refresh = last !== undefined && (last.support.kind !== "supported" || last.kernel !== kernel);
    const support = await this.#sandboxes.support({ ...options, refresh });
    this.#last = { support, kernel };
    return support;
  }
}
