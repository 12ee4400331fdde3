/** No message of the Engine comes near it. */
const MAX_LINE = 1024 * 1024;

/**
 * The messages of one of the Engine's endless answers: JSON values, one a line.
 * @throws {SyntaxError} for what is not JSON. @throws {RangeError} for a line without end.
 */
export async function* jsonLines(stream: AsyncIterable<Buffer | string>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of stream) {
    pending += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    const lines = pending.split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > MAX_LINE) throw new RangeError("the Docker Engine sent a message without end");
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line);
  }
  if (pending.trim() !== "") yield JSON.parse(pending);
}
