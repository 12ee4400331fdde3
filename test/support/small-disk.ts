import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why no disk can be had here; undefined where it can. */
export function whyNoSmallDisk(): string | undefined {
  if (process.platform !== "linux") return "a disk of its own takes Linux' mount namespaces";
  const { status } = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return status === 0 ? undefined : "a disk of its own takes root, unshare and nsenter";
}

/**
 * A file system of its own in memory, which can be full or read-only without hurting anybody: it is mounted in a namespace
 * that only this process and those started with `prefix` see, and ends with them.
 */
export class SmallDisk implements Disposable {
  /** Where it is for whoever is started with `prefix`. */
  readonly path: string;
  /** What to put before a command so that it sees the disk. */
  readonly prefix: readonly string[];
  /** Where it is for everybody else who is root. */
  readonly outside: string;
  readonly #holder: ChildProcess;

  private constructor(path: string, holder: ChildProcess) {
    this.path = path;
    this.#holder = holder;
    this.prefix = ["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`];
    this.outside = `/proc/${holder.pid}/root${path}`;
  }

  static async mount(sizeMiB: number): Promise<SmallDisk> {
    const path = mkdtempSync(join(tmpdir(), "slipway-disk-"));
    // It ends when its input does, at the latest with the process that runs the test.
    const script = 'mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$0" && echo mounted && exec cat';
    const holder = spawn("unshare", ["--mount", "--propagation=private", "sh", "-c", script, path, `${sizeMiB}m`], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(holder.stdout as NodeJS.ReadableStream, "data");
    return new SmallDisk(path, holder);
  }

  /** Takes all the room that is left. */
  async fill(name: string): Promise<void> {
    for (const size of [1024 * 1024, 4096]) {
      const rest = Buffer.alloc(size);
      let isFull = false;
      while (!isFull) {
        await appendFile(join(this.outside, name), rest).catch(() => {
          isFull = true;
        });
      }
    }
  }

  remount(mode: "ro" | "rw"): void {
    const [nsenter = "", ...args] = [...this.prefix, "mount", "-o", `remount,${mode}`, this.path];
    execFileSync(nsenter, args);
  }

  [Symbol.dispose](): void {
    this.#holder.kill("SIGKILL");
    rmdirSync(this.path);
  }
}
