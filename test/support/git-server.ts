import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { listen } from "./listen.ts";
import { runProgram } from "./run-program.ts";
import { requireTool } from "./tool.ts";

/** Git over HTTP on loopback, as real as git itself: each request is answered by `git http-backend`. */
export class GitServer implements AsyncDisposable {
  /** What addresses of its repositories begin with, the slash included. */
  readonly url: string;
  readonly #git: string;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(parts: { git: string; server: Server; folder: string; url: string }) {
    this.#git = parts.git;
    this.#server = parts.server;
    this.#folder = parts.folder;
    this.url = parts.url;
  }

  static async start(): Promise<GitServer> {
    const git = requireTool("git", "git");
    const folder = mkdtempSync(join(tmpdir(), "slipway-git-"));
    const root = join(folder, "served");
    mkdirSync(root);
    const server = createServer((request, response) => answer({ git, root }, request, response));
    return new GitServer({ git, server, folder, url: `http://${await listen(server)}/` });
  }

  /** Adds to what is in a repository, on its branch main, and makes the repository at its first commit. Answers the commit. */
  async commit(repository: string, files: Readonly<Record<string, string>>): Promise<string> {
    const tree = join(this.#folder, "trees", repository);
    const served = join(this.#folder, "served", repository);
    mkdirSync(tree, { recursive: true });
    mkdirSync(dirname(served), { recursive: true });
    const git = async (...args: string[]) => await runProgram(this.#git, args, { cwd: tree, env: IDENTITY });
    await git("init", "--quiet", "--initial-branch=main", `--separate-git-dir=${served}`);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content);
    }
    await git("add", "--all");
    await git("commit", "--quiet", "--message=Change");
    return await git("rev-parse", "HEAD");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Nothing of the machine's own configuration takes part. */
const IDENTITY = {
  GIT_CONFIG_NOSYSTEM: "1",
  HOME: "/nonexistent",
  GIT_AUTHOR_NAME: "Developer",
  GIT_AUTHOR_EMAIL: "developer@git.example",
  GIT_COMMITTER_NAME: "Developer",
  GIT_COMMITTER_EMAIL: "developer@git.example",
} as const;

/** A CGI program: its head of fields comes before the body. */
function answer(place: { git: string; root: string }, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
  const {
    "content-type": type = "",
    "content-encoding": encoding = "",
    "git-protocol": protocol = "",
  } = request.headers;
  const child = spawn(place.git, ["http-backend"], {
    env: {
      PATH: process.env.PATH ?? "",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_PROJECT_ROOT: place.root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: type,
      HTTP_CONTENT_ENCODING: encoding,
      GIT_PROTOCOL: String(protocol),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(child.stdin);
  child.stdin.on("error", () => undefined);
  void pass(child.stdout, response);
}

async function pass(output: NodeJS.ReadableStream, response: ServerResponse): Promise<void> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of output as AsyncIterable<Buffer>) {
    if (head === undefined) {
      response.write(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) continue;
    const fields = head.toString("latin1", 0, end).split("\r\n");
    for (const field of fields) {
      const [name = "", value = ""] = field.split(/:\s*/, 2);
      if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
    head = undefined;
  }
  response.end();
}
