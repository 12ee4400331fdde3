import type { ImageState, Owner } from "../../backend.ts";
import type { PackageCache } from "./package-cache.ts";
import { formatPinned, type PinnedPackage } from "./package-name.ts";

interface Install {
  /** Those who have not heard yet how it went. */
  readonly waiting: Map<string, Owner>;
  outcome: { readonly kind: "installed" } | { readonly kind: "failed"; readonly error: unknown } | undefined;
}

const INSTALLING: ImageState = {
  kind: "pulling",
  progress: { layersDone: 0, layersTotal: 0, bytesDone: 0, bytesTotal: 0 },
};

/** How many outcomes are kept for owners who may never ask again. */
const KEPT = 256;

/** Installs packages in the background, one at a time for each package, and tells those who wait. */
export class PackageInstalls {
  readonly #onChange: (owner: Owner) => void;
  readonly #installs = new Map<string, Install>();

  constructor(onChange: (owner: Owner) => void) {
    this.#onChange = onChange;
  }

  /**
   * Begins one unless one is under way or has just ended, and tells each who waits for it once how it went.
   * @throws what the install failed with; the next call begins another.
   */
  ensure(owner: Owner, pinned: PinnedPackage, packages: Pick<PackageCache, "ensure">): ImageState {
    const key = formatPinned(pinned);
    const known = this.#installs.get(key);
    if (!known?.outcome) {
      (known ?? this.#begin(key, pinned, packages)).waiting.set(owner.uid, owner);
      return INSTALLING;
    }
    if (!known.waiting.delete(owner.uid)) {
      this.#installs.delete(key);
      return this.ensure(owner, pinned, packages);
    }
    if (known.outcome.kind === "failed") throw known.outcome.error;
    return { kind: "present" };
  }

  #begin(key: string, pinned: PinnedPackage, packages: Pick<PackageCache, "ensure">): Install {
    const install: Install = { waiting: new Map(), outcome: undefined };
    this.#installs.set(key, install);
    const over = (outcome: Install["outcome"]) => {
      install.outcome = outcome;
      for (const [old, { outcome }] of this.#installs) {
        if (this.#installs.size > KEPT && outcome) this.#installs.delete(old);
      }
      for (const owner of install.waiting.values()) this.#onChange(owner);
    };
    packages.ensure(pinned, NEVER).then(
      () => over({ kind: "installed" }),
      (error: unknown) => over({ kind: "failed", error }),
    );
    return install;
  }
}

const NEVER = new AbortController().signal;
