import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SOURCE = join(import.meta.dirname, "programs/faulty-system.c");

export interface Faults {
  /** How long each fsync takes. */
  readonly fsyncMs?: number;
  /** The errno that each fsync fails with, 5 for EIO; 0 for none. */
  readonly fsyncErrno?: number;
  /** How far the wall clock is ahead; negative: behind. */
  readonly clockMs?: number;
}

/** Why no faults can be made here; undefined where they can. */
export function whyNoFaults(): string | undefined {
  if (process.platform !== "linux") return "faults are preloaded by Linux' loader";
  return spawnSync("gcc", ["--version"]).status === 0 ? undefined : "gcc is not installed";
}

/** The disk and the clock of a process that is started with `env`, to be made slow or wrong while it runs. */
export class FaultySystem implements Disposable {
  readonly env: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #file: number;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "slipway-faults-"));
    const library = join(this.#folder, "faulty-system.so");
    execFileSync("gcc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE, "-ldl"]);
    const path = join(this.#folder, "faults");
    this.#file = openSync(path, "w+");
    this.env = { LD_PRELOAD: library, FAULTY_SYSTEM: path };
    this.set({});
  }

  /** From now on; what is left out is as it should be. */
  set({ fsyncMs = 0, fsyncErrno = 0, clockMs = 0 }: Faults): void {
    const numbers = BigInt64Array.of(BigInt(fsyncMs), BigInt(fsyncErrno), BigInt(clockMs));
    writeSync(this.#file, new Uint8Array(numbers.buffer), 0, numbers.byteLength, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
