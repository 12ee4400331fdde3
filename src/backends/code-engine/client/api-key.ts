import { CodeEngineError } from "./errors.ts";

/** @throws {CodeEngineError} for what cannot be a key, without quoting it. */
export function checkApiKey(apiKey: string): void {
  const trouble =
    apiKey === ""
      ? "it is empty"
      : /[^\x21-\x7e]/.test(apiKey)
        ? "it holds a blank, a line break or another character that no key has"
        : /^[{}"]|[{}"]$/.test(apiKey)
          ? "it begins or ends with a brace or a quotation mark: the value alone is wanted, not the file it came in"
          : undefined;
  if (trouble === undefined) return;
  throw new CodeEngineError({
    kind: "unauthorized",
    service: "The client",
    operation: "use the API key",
    said: trouble,
  });
}
