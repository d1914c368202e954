// Browsers are instructed to use TLS only, if that is configured, on every kind of answer.
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { openCertificates } from "../../runtime/tls/certificates.ts";
import { createAuthority, loopback, openFolder } from "../../test/testing/certificates.ts";
import { openTestGateway } from "../testing/gateway.ts";

test.each([
  ["for as long as it is told", 86_400_000, "max-age=86400"],
  ["not unless it is told", undefined, undefined],
])("the gateway says Strict-Transport-Security %s", async (_, hstsMs, expected) => {
  const authority = await createAuthority();
  await using folder = await openFolder();
  const files = await folder.writePair("server", await authority.issue(loopback));
  using certificates = await openCertificates(files, {
    log: createLog({ name: "t", level: "silent" }),
  });
  await using gateway = await openTestGateway({ certificates, hstsMs });
  for (const path of ["/healthz", "/docs", "/nowhere"]) {
    const asked = get(`https://127.0.0.1:${gateway.port}${path}`, {
      ca: authority.cert,
      agent: false,
    });
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    response.resume();
    expect(response.headers["strict-transport-security"], path).toBe(expected);
  }
});
