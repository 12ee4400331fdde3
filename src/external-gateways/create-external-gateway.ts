import type { ExternalGatewayFactory } from "../controllers/registration/external-gateway.ts";
import { ContextForge } from "./context-forge/context-forge.ts";

/** Makes clients of the kinds of external gateway that are built in. */
export const createExternalGateway: ExternalGatewayFactory = (type, settings) => {
  switch (type) {
    case "contextforge":
      return new ContextForge(settings);
    default:
      return type satisfies never;
  }
};
