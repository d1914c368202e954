// The address that a request comes from: the other end of the connection, or, behind a trusted
// proxy, the address that the proxy reports. Never an address that the client itself claims.
import { isIP } from "node:net";
import { plainAddress, toAddressSet } from "../../access/address.ts";

export { isAddressRange, isLoopback, networkOf, plainAddress } from "../../access/address.ts";

export const forwardedHeaders = ["x-forwarded-for", "forwarded"] as const;
export type ForwardedHeader = (typeof forwardedHeaders)[number];

export type TrustedProxies = {
  /** Addresses or ranges: "10.0.0.7", "10.0.0.0/8", "fd00::/8". */
  addresses: readonly string[];
  /**
   * The one header that these proxies append to; the client may have written any other. Default
   * x-forwarded-for.
   */
  header?: ForwardedHeader;
};

export type AddressReader = {
  /** The address of the request's client. */
  of(peer: string | undefined, header: (name: string) => string | undefined): string;
  /** Whether an address is a trusted proxy, which has many clients. */
  isProxy(address: string): boolean;
};

export function createAddressReader({
  addresses,
  header = "x-forwarded-for",
}: TrustedProxies): AddressReader {
  const isProxy = toAddressSet(addresses);
  return {
    isProxy,
    of(peer, read) {
      let address = plainAddress(peer ?? "");
      if (!isProxy(address)) return address;
      // The proxy next to us wrote the last hop; each hop counts only if the one after it is
      // trusted.
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
    const hop =
      header === "forwarded"
        ? (/(?:^|;)\s*for\s*=\s*"?([^";]*)/i.exec(element)?.[1] ?? "")
        : element;
    return withoutPort(hop.trim());
  });
}

/** "[2001:db8::1]:47011" and "192.0.2.43:47011" may carry ports. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(hop);
  return bracketed ? bracketed[1]! : hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
