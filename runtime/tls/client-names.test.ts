// What a certificate's names come out as, with those who try to pass one name off as another.
import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { createAuthority } from "../../test/testing/certificates.ts";
import { namesOf } from "./client-names.ts";

test("DNS names and URIs, and nothing else", async () => {
  const authority = await createAuthority();
  const named = async (names: Parameters<typeof authority.issue>[0]) =>
    namesOf(new X509Certificate((await authority.issue(names)).cert).subjectAltName);
  expect(
    await named({ dns: ["Mill-7", "gateway"], uri: ["spiffe://plant/Mill-7"], ip: ["10.0.0.1"] }),
  ).toEqual(["mill-7", "gateway", "spiffe://plant/Mill-7"]);
  expect(await named({ ip: ["10.0.0.1"] })).toEqual([]);
  expect(namesOf(undefined)).toEqual([]);
});

test("a value that looks like further names is one name", async () => {
  const authority = await createAuthority();
  const sly = "http://x/, DNS:gateway";
  const { cert } = await authority.issue({ uri: [sly, 'http://y/", DNS:"gateway'] });
  expect(namesOf(new X509Certificate(cert).subjectAltName)).toEqual([
    sly,
    'http://y/", DNS:"gateway',
  ]);
});
