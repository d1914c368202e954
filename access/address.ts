// Addresses of clients: how they are written, sets of them, and which part of an IPv6 address
// counts as one client.
import { BlockList, isIP } from "node:net";

/** Whether a text names an address or a range in CIDR notation. */
export function isAddressRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
  );
}

/** Tells whether an address is one of these addresses, or in one of these ranges. */
export function toAddressSet(texts: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  const familyOf = (address: string) => (isIP(address) === 6 ? "ipv6" : "ipv4");
  for (const text of texts) {
    const [address = "", bits] = text.split("/");
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return (address) =>
    texts.length > 0 && isIP(address) > 0 && list.check(address, familyOf(address));
}

/** An IPv4-mapped IPv6 address as plain IPv4; without a zone. */
export function plainAddress(address: string): string {
  const [bare = ""] = address.split("%");
  return bare.toLowerCase().startsWith("::ffff:") && isIP(bare.slice(7)) === 4
    ? bare.slice(7)
    : bare;
}

export const isLoopback = (address: string): boolean =>
  address === "::1" || address.startsWith("127.");

/**
 * What counts as one client: an IPv4 address, or an IPv6 /64 network, since a client can use all
 * its addresses.
 */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end counts as two groups.
  const length = groups.length + after.length + (address.includes(".") ? 1 : 0);
  const all =
    tail === undefined ? groups : [...groups, ...Array<string>(8 - length).fill("0"), ...after];
  const four = all.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${four.join(":")}::/64`;
}
