// Which caller a request counts for, and that a client cannot claim another address.
import { expect, test } from "vitest";
import { createAddressReader, isAddressRange, networkOf } from "./client-address.ts";

const reader = (addresses: string[], header?: "forwarded") =>
  createAddressReader({ addresses, ...(header && { header }) });
const of = (from: ReturnType<typeof reader>, peer: string, headers: Record<string, string>) =>
  from.of(peer, (name) => headers[name]);

test("without trusted proxies headers say nothing", () => {
  expect(
    of(reader([]), "192.0.2.9", {
      "x-forwarded-for": "198.51.100.1",
      forwarded: "for=198.51.100.1",
    }),
  ).toBe("192.0.2.9");
  expect(of(reader([]), "::ffff:192.0.2.9", {})).toBe("192.0.2.9");
});

test.each([
  ["198.51.100.1", "198.51.100.1"],
  ["6.6.6.6, 198.51.100.1", "198.51.100.1"],
  ["6.6.6.6, 198.51.100.1, 10.1.1.1", "198.51.100.1"],
  ["198.51.100.1:4711", "198.51.100.1"],
  ["[2001:db8::1]:4711", "2001:db8::1"],
  ["junk", "10.0.0.1"],
  ["198.51.100.1, junk", "10.0.0.1"],
  ["", "10.0.0.1"],
])("behind a trusted proxy, X-Forwarded-For %j is read from its end: %s", (value, expected) => {
  expect(of(reader(["10.0.0.0/8"]), "10.0.0.1", { "x-forwarded-for": value })).toBe(expected);
});

test("a proxy that is not in the list speaks for itself only", () => {
  expect(of(reader(["10.0.0.0/8"]), "192.0.2.9", { "x-forwarded-for": "198.51.100.1" })).toBe(
    "192.0.2.9",
  );
});

test("only the header that the proxies write is read", () => {
  const headers = {
    "x-forwarded-for": "6.6.6.6",
    forwarded: 'for=7.7.7.7, For="[2001:db8::17]:4711";proto=https',
  };
  expect(of(reader(["10.0.0.0/8"], "forwarded"), "10.0.0.1", headers)).toBe("2001:db8::17");
  expect(of(reader(["10.0.0.0/8"]), "10.0.0.1", headers)).toBe("6.6.6.6");
});

test("a client of IPv6 is its network of 64 bits", () => {
  const networks = ["2001:db8:0:1::1", "2001:0db8:0000:0001:ffff::", "2001:db8:0:1:2:3:4:5"].map(
    networkOf,
  );
  expect(new Set(networks)).toEqual(new Set(["2001:db8:0:1::/64"]));
  expect([networkOf("::1"), networkOf("fe80::1.2.3.4"), networkOf("192.0.2.9")]).toEqual([
    "0:0:0:0::/64",
    "fe80:0:0:0::/64",
    "192.0.2.9",
  ]);
});

test("ranges are read as such, and nothing else is", () => {
  expect(["10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1"].every(isAddressRange)).toBe(true);
  expect(
    ["", "10.0.0.0/33", "10.0.0.0/8/8", "proxy.example", "fd00::/129", "10.0.0.0/x"].some(
      isAddressRange,
    ),
  ).toBe(false);
});
