import { createInterface } from "node:readline";

/** Lines that are shown of a build that failed. */
const SHOWN = 15;

/**
 * Reads what an Engine says while it builds, imports or pulls an image, until it is done.
 * @throws {Error} with the end of it when it failed, or said nothing for `idleMs`.
 */
export async function followBuild(stream: NodeJS.ReadableStream, idleMs: number): Promise<void> {
  const said: string[] = [];
  const source = stream as NodeJS.ReadableStream & { destroy(error?: Error): void };
  let silent = false;
  const giveUp = (): void => {
    silent = true;
    source.destroy();
  };
  let timer = setTimeout(giveUp, idleMs);
  try {
    for await (const line of createInterface({ input: stream })) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, idleMs);
      const message = JSON.parse(line) as { stream?: string; error?: string };
      if (message.error !== undefined) throw new Error([...said.slice(-SHOWN), message.error].join("\n"));
      if (message.stream?.trim()) said.push(message.stream.trim());
    }
  } finally {
    clearTimeout(timer);
  }
  if (silent) throw new Error(`nothing came for ${idleMs / 1000} s`);
}
