// Where a request comes from: the connection's other end, or who a proxy that is trusted says was at its own. Never what a client says.
import { BlockList, isIP } from "node:net";

export const forwardedHeaders = ["x-forwarded-for", "forwarded"] as const;
export type ForwardedHeader = (typeof forwardedHeaders)[number];

export type TrustedProxies = {
  /** Addresses or ranges: "10.0.0.7", "10.0.0.0/8", "fd00::/8". */
  addresses: readonly string[];
  /** The one header that these proxies append to; the other is the client's own writing. Default x-forwarded-for. */
  header?: ForwardedHeader;
};

export type AddressReader = {
  /** Of the request's client. */
  of(peer: string | undefined, header: (name: string) => string | undefined): string;
  /** Whether an address is a trusted proxy, so speaks for many clients. */
  isProxy(address: string): boolean;
};

/** Whether a text names an address or a range in CIDR notation. */
export function isAddressRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

export function createAddressReader({ addresses, header = "x-forwarded-for" }: TrustedProxies): AddressReader {
  const trusted = new BlockList();
  for (const text of addresses) {
    const [address = "", bits] = text.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isProxy = (address: string) =>
    addresses.length > 0 && isIP(address) > 0 && trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  return {
    isProxy,
    of(peer, read) {
      let address = plainAddress(peer ?? "");
      if (!isProxy(address)) return address;
      // The last hop was written by the proxy next to us; each is believed only if the one after it is trusted.
      for (const hop of hopsOf(read(header) ?? "", header).reverse()) {
        if (isIP(hop) === 0) break;
        address = plainAddress(hop);
        if (!isProxy(address)) break;
      }
      return address;
    },
  };
}

function hopsOf(value: string, header: ForwardedHeader): string[] {
  return value.split(",").map((element) => {
    const hop = header === "forwarded" ? (/(?:^|;)\s*for\s*=\s*"?([^";]*)/i.exec(element)?.[1] ?? "") : element;
    return withoutPort(hop.trim());
  });
}

/** "[2001:db8::1]:47011" and "192.0.2.43:47011" may carry ports. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(hop);
  return bracketed ? bracketed[1]! : hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}

/** IPv4 in IPv6's clothes as what it is; no zone. */
export function plainAddress(address: string): string {
  const [bare = ""] = address.split("%");
  return bare.toLowerCase().startsWith("::ffff:") && isIP(bare.slice(7)) === 4 ? bare.slice(7) : bare;
}

export const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");

/** What one client is taken to have: an IPv4 address, or a network of 64 bits of IPv6, of which a client has all addresses. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end stands for two groups.
  const length = groups.length + after.length + (address.includes(".") ? 1 : 0);
  const all = tail === undefined ? groups : [...groups, ...Array<string>(8 - length).fill("0"), ...after];
  const four = all.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${four.join(":")}::/64`;
}
