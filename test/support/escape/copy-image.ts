import type Docker from "dockerode";

/** Takes an image from one Engine to another, unless that has it. */
export async function copyImage(tag: string, from: Docker, to: Docker): Promise<void> {
  const { Id } = await from.getImage(tag).inspect();
  const there = await to.listImages({ filters: { reference: [tag] } });
  if (there.some((image) => image.Id === Id)) return;
  const archive = await from.getImage(tag).get();
  // dockerode's types know a path only; the library takes streams, too.
  const reply = await to.loadImage(archive as unknown as string, { quiet: true });
  for await (const _ of reply) {
    // The image is there once all of the reply has come.
  }
}
