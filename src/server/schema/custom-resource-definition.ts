export type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  PrinterColumn,
} from "../../api/custom-resource-definition.ts";
