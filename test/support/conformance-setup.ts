import { OwnServer } from "../conformance/support/own-server.ts";
import { isExternal } from "../conformance/support/target.ts";

declare global {
  /** Between Jest's setup and its teardown. */
  var conformanceServer: OwnServer | undefined;
}

/** Jest's global setup: one server for all files of test/conformance, except for those that kill theirs. */
export default async function setUp(): Promise<void> {
  if (isExternal) return;
  globalThis.conformanceServer = await OwnServer.start();
  process.env.CONFORMANCE_KUBECONFIG = globalThis.conformanceServer.kubeconfig;
}
