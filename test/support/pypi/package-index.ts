import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { basename, join } from "node:path";
import { listen } from "../listen.ts";
import { PYTHON } from "./python.ts";

export interface Release {
  readonly name: string;
  readonly version: string;
  /** As of PEP 508. */
  readonly requires?: readonly string[];
  /** Console scripts: what `name = module:function` says. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Modules and whatever else lies beside them, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Which Pythons and machines a wheel is for. Default: all. */
  readonly tag?: string;
}

interface Published {
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
}

/** A simple index (PEP 503) over HTTP, with real archives. */
export class PackageIndex implements AsyncDisposable {
  /** The `host:port` of its address. */
  readonly host: string;
  /** What has been asked for, by path. */
  readonly asked: string[] = [];
  /** `user:password` that it wants of everybody. */
  wants: string | undefined;
  /** What it answers instead of what it has. */
  status: number | undefined;
  readonly #server;
  readonly #directory: string;
  readonly #published: Published[] = [];

  private constructor(directory: string, server: ReturnType<typeof createServer>, host: string) {
    this.#directory = directory;
    this.#server = server;
    this.host = host;
  }

  /** Its archives lie in `directory`. */
  static async open(directory: string): Promise<PackageIndex> {
    const server = createServer((request, response) => index.#answer(request, response));
    const index: PackageIndex = new PackageIndex(directory, server, await listen(server));
    return index;
  }

  get url(): string {
    return `http://${this.host}/simple`;
  }

  /** Publishes a wheel. */
  wheel(release: Release): void {
    const { name, version, tag = "py3-none-any" } = release;
    this.#publish({ ...release, tag }, `${name.replaceAll("-", "_")}-${version}-${tag}.whl`);
  }

  /** Publishes a source distribution, whose setup.py makes the file `ran`. */
  source(release: Release, ran: string): void {
    this.#publish({ ...release, ran }, `${release.name.replaceAll("-", "_")}-${release.version}.tar.gz`);
  }

  /** Has another content under the name and hash of what was published, as whoever takes over an index could have. */
  async replace(release: Release): Promise<void> {
    const file = this.#published.find(({ file }) =>
      file.startsWith(`${release.name.replaceAll("-", "_")}-${release.version}-`),
    );
    if (!file) throw new Error("it was not published");
    const other = join(this.#directory, "other");
    make({ ...release, tag: "py3-none-any", path: other });
    await rename(other, join(this.#directory, file.file));
  }

  /** Publishes the version with another content. */
  async republish(release: Release): Promise<void> {
    const at = this.#published.findIndex(({ file }) =>
      file.startsWith(`${release.name.replaceAll("-", "_")}-${release.version}-`),
    );
    const [gone] = this.#published.splice(at, 1);
    if (gone) await rm(join(this.#directory, gone.file));
    this.wheel(release);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #publish(release: Release & { readonly tag?: string; readonly ran?: string }, file: string): void {
    const sha256 = make({ ...release, path: join(this.#directory, file) });
    this.#published.push({ name: release.name, file, sha256 });
  }

  #answer({ url = "/", headers }: IncomingMessage, response: ServerResponse): void {
    this.asked.push(url);
    const given = Buffer.from(headers.authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
    const status = this.status ?? (this.wants !== undefined && given !== this.wants ? 401 : undefined);
    if (status !== undefined) {
      response.writeHead(status, status === 401 ? { "www-authenticate": "Basic" } : {}).end();
      return;
    }
    const file = this.#published.find(({ file }) => url === `/files/${file}`);
    if (file) {
      createReadStream(join(this.#directory, basename(file.file))).pipe(response);
      return;
    }
    const files = this.#published.filter(({ name }) => url === `/simple/${name}/`);
    if (files.length === 0) {
      response.writeHead(404).end();
      return;
    }
    const links = files.map(({ file, sha256 }) => `<a href="../../files/${file}#sha256=${sha256}">${file}</a>`);
    response
      .writeHead(200, { "content-type": "text/html" })
      .end(`<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`);
  }
}

const MAKE = join(import.meta.dirname, "make_archive.py");

function make(release: object): string {
  return execFileSync(PYTHON, ["-I", MAKE], { input: JSON.stringify(release), encoding: "utf8" }).trim();
}

/** A server with one tool, `greet`, whose words are those of its dependency `slipway-test-greeting`. */
export async function serverRelease(version: string, patch: Partial<Release> = {}): Promise<Release> {
  const server = await readFile(join(import.meta.dirname, "mcp_server.py"), "utf8");
  return {
    ...{ name: SERVER, version, requires: [`${GREETING}>=1`], scripts: { [SERVER]: "slipway_test_server:main" } },
    files: { "slipway_test_server.py": `${server}\n\nVERSION = ${JSON.stringify(version)}\n` },
    ...patch,
  };
}

export function greetingRelease(version: string, word = "Hello"): Release {
  const greet = `def greet(name):\n    return f"${word}, {name}! (greeting ${version})"\n`;
  return { name: GREETING, version, files: { "slipway_test_greeting.py": greet } };
}

export const SERVER = "slipway-test-server";
export const GREETING = "slipway-test-greeting";
