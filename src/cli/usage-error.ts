/** What the user typed cannot be meant: exit code 2. The message names the field, the value and the remedy. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
