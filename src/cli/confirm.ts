import { createInterface } from "node:readline/promises";

/** A question to whoever sits at this process' terminal. Nothing where nobody does: a script has made up its mind. */
export function terminalConfirm(signal: AbortSignal): { confirm?: (question: string) => Promise<boolean> } {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return {};
  return {
    confirm: async (question) => {
      using lines = createInterface({ input: stdin, output: stdout });
      return /^y(es)?$/i.test((await lines.question(question, { signal })).trim());
    },
  };
}
