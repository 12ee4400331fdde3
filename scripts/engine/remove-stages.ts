import type Docker from "dockerode";

/** Removes what a build of several stages has left behind, known by a label: nothing is made from it again. */
export async function removeStages(engine: Docker, label: string): Promise<void> {
  const filters = { dangling: ["true"], label: [label] };
  for (const { Id } of await engine.listImages({ filters: JSON.stringify(filters) })) {
    await engine.getImage(Id).remove().catch(unlessTaken);
  }
}

/** Another build has removed it already, or still builds on it. */
function unlessTaken(error: { statusCode?: number }): void {
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
}
