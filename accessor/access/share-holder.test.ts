// Whose share a call takes: the credential's first, else the certificate's, else the address's; a
// gateway's word only where it is trusted.
import { createContextValues } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { everyone } from "../../access/principal.ts";
import { peerKey } from "../../runtime/grpc/peer.ts";
import { callerKey } from "./caller.ts";
import { createShareHolderOf } from "./share-holder.ts";

type Call = { address: string; names?: string[]; key?: string; says?: string };

function holder(
  { address, names = [], key, says }: Call,
  { trusted = [] as string[], authenticates = false } = {},
) {
  const values = createContextValues().set(peerKey, { address, certificateNames: () => names });
  if (key !== undefined) values.set(callerKey, { ...everyone, id: key });
  const requestHeader = new Headers(
    says === undefined ? {} : { "millrace-forwarded-client": says },
  );
  return createShareHolderOf({ trustedGateways: trusted, authenticates })({
    values,
    requestHeader,
  });
}

test("a key's calls count together, wherever they come from and whatever is said of them", () => {
  expect(holder({ address: "127.0.0.1", key: "k1", says: "192.0.2.7" })).toBe("key k1");
  expect(holder({ address: "10.0.0.9", key: "k1", names: ["gateway"] })).toBe("key k1");
});

test("without a key the certificate, without one the address, IPv6 by its network", () => {
  expect(holder({ address: "10.0.0.9", names: ["mill-7"] })).toBe("certificate mill-7");
  expect(holder({ address: "::ffff:10.0.0.9" })).toBe("address 10.0.0.9");
  expect(holder({ address: "2001:db8::1" })).toBe(holder({ address: "2001:db8:0:0:ffff::2" }));
});

test("a gateway is believed on this machine while authentication is off, or where it is trusted by name or address", () => {
  const says = "192.0.2.7";
  expect(holder({ address: "127.0.0.1", says })).toBe("address 192.0.2.7");
  expect(holder({ address: "127.0.0.1", says: "2001:db8:0:1::/64" })).toBe(
    "address 2001:db8:0:1::/64",
  );
  expect(holder({ address: "127.0.0.1", says }, { authenticates: true })).toBe("address 127.0.0.1");
  expect(holder({ address: "10.0.0.9", says })).toBe("address 10.0.0.9");
  expect(holder({ address: "10.0.0.9", says }, { trusted: ["10.0.0.0/8"] })).toBe(
    "address 192.0.2.7",
  );
  const named = { address: "10.0.0.9", names: ["gateway.plant"], says };
  expect(holder(named)).toBe("certificate gateway.plant");
  expect(holder(named, { trusted: ["gateway.*"] })).toBe("address 192.0.2.7");
  for (const nonsense of ["", "key k1", "a".repeat(5_000)])
    expect(holder({ address: "127.0.0.1", says: nonsense })).toBe("address 127.0.0.1");
});
