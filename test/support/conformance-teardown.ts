import "./conformance-setup.ts";

/** Jest's global teardown. */
export default async function tearDown(): Promise<void> {
  await globalThis.conformanceServer?.[Symbol.asyncDispose]();
}
