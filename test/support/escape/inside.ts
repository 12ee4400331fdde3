import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import type Docker from "dockerode";
import { ESCAPE } from "./image.ts";

/** What an attempt said, see inside/answer.h. */
export interface Answer {
  readonly ok: boolean;
  readonly why: string;
  readonly errno?: string;
  readonly addresses?: readonly string[];
  readonly lastSuccessMs?: number;
  readonly firstFailureMs?: number;
  readonly heldLives?: boolean;
}

export interface AttemptOptions {
  /** Default: the container's own. */
  readonly user?: string;
  /** Another program than the attempts' own, which answers as that does. */
  readonly program?: readonly string[];
}

/** Longer than the longest attempt, which ends itself. */
const PATIENCE_MS = 90_000;

/** The inside of a container: what is run there has its namespaces, capabilities, filter of system calls, and control group. */
export class Inside {
  readonly container: Docker.Container;

  constructor(container: Docker.Container) {
    this.container = container;
  }

  /** Makes one attempt. @throws {Error} when it could not even be made, which is no answer. */
  async attempt(args: readonly string[], { user, program = [ESCAPE] }: AttemptOptions = {}): Promise<Answer> {
    const { output, exitCode } = await this.run([...program, ...args], user);
    const line = output.trim().split("\n").at(-1) ?? "";
    if (!line.startsWith("{")) {
      throw new Error(`the attempt ${args.join(" ")} did not answer, exit code ${exitCode}: ${output}`);
    }
    return JSON.parse(line) as Answer;
  }

  /** The contents of a file there. */
  async read(path: string): Promise<string> {
    const { output, exitCode } = await this.run([ESCAPE, "read", path]);
    if (exitCode !== 0) throw new Error(`cannot read ${path}: ${output}`);
    return output;
  }

  /** Starts a program there that goes on by itself. */
  async start(args: readonly string[], user?: string): Promise<void> {
    const exec = await this.container.exec({ Cmd: [...args], ...(user !== undefined && { User: user }) });
    const answer = await exec.start({ Detach: true });
    // Nobody reads it, and as long as it is open this process does not end.
    answer.destroy();
  }

  async run(command: readonly string[], user?: string): Promise<{ output: string; exitCode: number | null }> {
    const exec = await this.container.exec({
      Cmd: [...command],
      AttachStdout: true,
      AttachStderr: true,
      ...(user !== undefined && { User: user }),
    });
    const stream = await exec.start({});
    const end = setTimeout(() => stream.destroy(new Error(`no end of ${command.join(" ")}`)), PATIENCE_MS);
    try {
      const both = new PassThrough();
      this.container.modem.demuxStream(stream, both, both);
      stream.once("end", () => both.end()).once("error", (error) => both.destroy(error));
      const output = await text(both);
      const { ExitCode } = await exec.inspect();
      return { output, exitCode: ExitCode };
    } finally {
      clearTimeout(end);
    }
  }
}
