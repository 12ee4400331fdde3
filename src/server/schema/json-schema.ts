export type { JsonSchema, ValidationRule } from "../../api/json-schema.ts";
