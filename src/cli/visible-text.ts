/**
 * What a reader does not see, or sees elsewhere than it stands: control characters, what steers writing direction, what joins
 * or fills without a shape, spaces other than the common one, characters of private use and halves of pairs.
 */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/**
 * Text of strangers as it can be trusted in a terminal: whatever is unseen shows as its escape in JSON, so that what is
 * decided on is what stands there. Nothing is left out.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** The same for each line of a text whose lines are meant. */
export function visibleLines(text: string): string[] {
  return text.split("\n").map(visible);
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  // Both halves of a pair, as JSON has it.
  return Array.from({ length: character.length }, (_, at) => character.charCodeAt(at).toString(16).padStart(4, "0"))
    .map((code) => `\\u${code}`)
    .join("");
}
