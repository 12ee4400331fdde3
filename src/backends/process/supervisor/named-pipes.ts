import { constants } from "node:fs";
import { chown, type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { NamedPipes } from "../../../machinery/named-pipe-stream.ts";
import { runCommand } from "../run-command.ts";
import type { ProcessUser } from "./process-spec.ts";

const MKFIFO_TIMEOUT_MS = 10_000;

/** Makes named pipes that only Slipway's user opens, and `user`, whose programs open /dev/stderr and the like, which are these. */
export async function makeNamedPipes(paths: readonly string[], user: ProcessUser | undefined): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
  const signal = new AbortController().signal;
  const options = { cwd: "/", env: { PATH: "/usr/bin:/bin" }, timeoutMs: MKFIFO_TIMEOUT_MS, signal };
  await runCommand(["mkfifo", "-m", "600", ...paths], options);
  if (user) await Promise.all(paths.map((path) => chown(path, user.uid, user.gid)));
}

/** stdin and stdout of one process, which any thread of Slipway can open by their paths. */
export interface StdioPipes {
  readonly paths: NamedPipes;
  /** The ends of the process, which waits on them. The caller closes them once the process has them. */
  readonly ofProcess: { readonly stdin: FileHandle; readonly stdout: FileHandle };
  /** Closes the writing end that is kept here: the process reads the end of its input once nobody else has one. */
  endInput(): Promise<void>;
  /** Lets go of both. What was written and not read stays for who has the other end open. */
  close(): Promise<void>;
}

/**
 * Makes the pipes of process `run` in a folder of theirs, and holds an end of each, so that the process sees neither end nor broken
 * pipe between one holder and the next, and both when this program dies.
 */
export async function openStdioPipes(
  folder: string,
  { run, user }: { readonly run: string; readonly user: ProcessUser | undefined },
): Promise<StdioPipes> {
  // Those of an earlier process are removed only here: who opens them late finds nobody at the other end.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  const paths = { stdin: join(folder, `${run}.stdin`), stdout: join(folder, `${run}.stdout`) };
  await makeNamedPipes([paths.stdin, paths.stdout], user);
  await using opening = new AsyncDisposableStack();
  const opened = async (path: string, flags: number) => opening.use(await open(path, flags));
  // To open one end waits for the other, but with both at once. The process's own have no O_NONBLOCK: programs do not expect it.
  await using _both = await open(paths.stdin, constants.O_RDWR);
  const stdin = await opened(paths.stdin, constants.O_RDONLY);
  const writer = await opened(paths.stdin, constants.O_WRONLY);
  const reader = await opened(paths.stdout, constants.O_RDONLY | constants.O_NONBLOCK);
  const stdout = await opened(paths.stdout, constants.O_WRONLY);
  opening.move();
  return {
    paths,
    ofProcess: { stdin, stdout },
    endInput: () => writer.close(),
    close: async () => void (await Promise.all([writer.close(), reader.close()])),
  };
}
