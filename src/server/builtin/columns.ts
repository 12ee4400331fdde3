import type { PrinterColumn } from "../schema/custom-resource-definition.ts";

const AGE: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };

export function columnsOf(_: { group: string; kind: string }): readonly PrinterColumn[] {
  return [AGE];
}
