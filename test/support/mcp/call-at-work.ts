import type { McpClient } from "./clients.ts";

/** A call of the tool `waits` that the server works on: how it ends, as the message of its error, or `a result`. */
export async function callAtWork(client: McpClient): Promise<{ readonly ended: Promise<string> }> {
  const atWork = Promise.withResolvers<void>();
  const ended = client
    .call("tools/call", { name: "waits" }, { onProgress: () => atWork.resolve(), timeoutMs: 20_000 })
    .then(
      () => "a result",
      (error: Error) => error.message,
    );
  await atWork.promise;
  return { ended };
}
