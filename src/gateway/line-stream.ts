const encoder = new TextEncoder();

/** Characters that go out together, at least. */
const CHUNK_LENGTH = 16 * 1024;

/**
 * Lines as a body that is pulled: more are asked for when the reader has taken the last, so a slow client slows its source
 * and nothing piles up. Lines that are there at once go out together. `onEnd` is called once, however it ends.
 */
export function lineStream(lines: AsyncIterable<string>, onEnd: (error?: unknown) => void): ReadableStream<Uint8Array> {
  const iterator = lines[Symbol.asyncIterator]();
  /** Asked for already, by a chunk that did not wait for it. */
  let awaited: Promise<IteratorResult<string>> | undefined;
  const chunkFrom = async (line: string): Promise<string> => {
    let text = `${line}\n`;
    const later = nextTurn();
    while (text.length < CHUNK_LENGTH) {
      const next = iterator.next();
      // A failure is met at the next pull, after the lines before it.
      const result = await Promise.race([next.catch(() => undefined), later]);
      if (result === undefined || result.done) {
        awaited = next;
        break;
      }
      text += `${result.value}\n`;
    }
    return text;
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const first = await (awaited ?? iterator.next());
          awaited = undefined;
          if (first.done) {
            onEnd();
            return controller.close();
          }
          controller.enqueue(encoder.encode(await chunkFrom(first.value)));
        } catch (error) {
          onEnd(error);
          controller.error(error);
        }
      },
      async cancel() {
        onEnd();
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Resolves when all that is ready now has had its turn. */
function nextTurn(): Promise<undefined> {
  return new Promise((resolve) => setImmediate(resolve, undefined));
}
