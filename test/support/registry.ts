import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { stringify } from "yaml";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { eventually } from "./eventually.ts";
import { makeUniqueImage } from "./images.ts";
import { secretWatch } from "./secrets/secret-watch.ts";
import { requireTool } from "./tool.ts";

export const REGISTRY_USER = { username: "reader", password: "open-sesame" } as const;
/** bcrypt of that password; Debian's registry takes no other kind. */
const HTPASSWD = `${REGISTRY_USER.username}:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n`;

/** Debian's docker-registry, on a free port of loopback: the Engine takes plain HTTP there. */
export class Registry implements AsyncDisposable {
  /** `127.0.0.1:PORT`, the first part of an image reference. */
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #credentials: boolean;

  private constructor(parts: { address: string; child: ChildProcess; folder: string; credentials: boolean }) {
    this.address = parts.address;
    this.#child = parts.child;
    this.#folder = parts.folder;
    this.#credentials = parts.credentials;
  }

  /** With `credentials` it answers 401 to everybody but `REGISTRY_USER`. */
  static async start({ credentials = false }: { credentials?: boolean } = {}): Promise<Registry> {
    if (credentials) secretWatch.learn("the password of a registry", REGISTRY_USER.password);
    const program = requireTool("docker-registry", "docker-registry");
    const folder = mkdtempSync(join(tmpdir(), "slipway-registry-"));
    writeFileSync(join(folder, "htpasswd"), HTPASSWD, { mode: 0o600 });
    writeFileSync(join(folder, "config.yml"), stringify(configuration(folder, credentials)));
    const child = spawn(program, ["serve", join(folder, "config.yml")], { stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      if (log.length < 100_000) log += chunk.toString("utf8");
    });
    const address = await eventually("docker-registry listens", () => /listening on ([\d.]+:\d+)/.exec(log)?.[1], {
      explain: () => log,
    });
    return new Registry({ address, child, folder, credentials });
  }

  /** Pushes an image of the Engine, and takes the registry's name from it again. Answers the reference to pull. */
  async push(localTag: string, name: string, engine: Docker = engineClient()): Promise<string> {
    const colon = name.lastIndexOf(":");
    const repo = `${this.address}/${name.slice(0, colon)}`;
    const tag = name.slice(colon + 1);
    await engine.getImage(localTag).tag({ repo, tag });
    const image = engine.getImage(`${repo}:${tag}`);
    const authconfig = {
      ...(this.#credentials ? REGISTRY_USER : { username: "", password: "" }),
      serveraddress: this.address,
    };
    await finished(engine, await image.push({ tag, authconfig }));
    await image.remove();
    return `${repo}:${tag}`;
  }

  /** Makes an image like no other that only the registry has. Answers the reference to pull. */
  async publish(name: string, payloadBytes = 0, engine: Docker = engineClient()): Promise<string> {
    const local = `slipway.test/unique:${name.replaceAll(/\W/g, "-")}`;
    await makeUniqueImage(local, payloadBytes, engine);
    const reference = await this.push(local, name, engine);
    await engine.getImage(local).remove({ force: true });
    return reference;
  }

  /** Contents of a `kubernetes.io/dockerconfigjson` Secret for it. */
  dockerConfig({ username, password }: { username: string; password: string } = REGISTRY_USER): string {
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    return JSON.stringify({ auths: { [this.address]: { auth } } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill();
      await once(this.#child, "exit");
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configuration(folder: string, credentials: boolean): object {
  return {
    version: "0.1",
    log: { level: "info", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
    http: { addr: "127.0.0.1:0" },
    ...(credentials && { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } }),
  };
}

/** The Engine answers a push at once and reports how it went in the stream. */
async function finished(engine: Docker, stream: NodeJS.ReadableStream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(stream, (error: Error | null, output: { error?: string }[]) => {
      const failed = output?.find((line) => line.error !== undefined);
      if (error) reject(error);
      else if (failed) reject(new Error(`push failed: ${failed.error}`));
      else resolve();
    });
  });
}
