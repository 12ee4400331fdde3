import { createInterface } from "node:readline/promises";

/** A question to whoever sits at this process' terminal. Nothing where nobody does: a script has made up its mind. */
export function terminalConfirm(signal: AbortSignal): { confirm?: (question: string) => Promise<boolean> } {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return {};
  return {
    confirm: async (question) => {
      using lines = createInterface({ input: stdin, output: stdout });
      // Ctrl-C and Ctrl-D end the reading, and not the question.
      const closed = new AbortController();
      lines.once("close", () => closed.abort());
      const answer = lines.question(question, { signal: AbortSignal.any([signal, closed.signal]) });
      return /^y(es)?$/i.test((await answer.catch(orNothing)).trim());
    },
  };
}

function orNothing(error: unknown): string {
  if (error instanceof Error && error.name === "AbortError") return "";
  throw error;
}
