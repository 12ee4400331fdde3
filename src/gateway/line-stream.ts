const encoder = new TextEncoder();

/**
 * Lines as a body that is pulled: the next is asked for when the reader has taken the last, so a slow client slows its
 * source and nothing piles up. `onEnd` is called once, however it ends.
 */
export function lineStream(lines: AsyncIterable<string>, onEnd: (error?: unknown) => void): ReadableStream<Uint8Array> {
  const iterator = lines[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          if (!done) return controller.enqueue(encoder.encode(`${value}\n`));
          onEnd();
          controller.close();
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
