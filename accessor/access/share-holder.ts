// Finds whose share a call counts against: that of the key or token, else of the client
// certificate, else of the client's address, which a trusted gateway may forward.
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import {
  isAddressRange,
  isLoopback,
  networkOf,
  plainAddress,
  toAddressSet,
} from "../../access/address.ts";
import { forwardedClientHeader } from "../../access/forwarded-client.ts";
import { fitsAny } from "../../access/glob.ts";
import { peerKey } from "../../runtime/grpc/peer.ts";
import { callerKey, ownerKey } from "./caller.ts";

/** The holder of the share that a call counts against. */
export const shareHolderKey = createContextKey<string>("", {
  description: "whose share the call takes",
});

/** Returns the name of a share's holder, which is equal for all calls of one caller. */
export type ShareHolderOf = (call: Pick<HandlerContext, "values" | "requestHeader">) => string;

export type ShareHolderOptions = {
  /**
   * Gateways that may forward the client's address: addresses, ranges, and patterns of names in
   * client certificates.
   */
  trustedGateways: readonly string[];
  /**
   * Whether calls have credentials. If so, these identify the caller, and the gateway forwards
   * them.
   */
  authenticates: boolean;
};

export function createShareHolderOf({
  trustedGateways,
  authenticates,
}: ShareHolderOptions): ShareHolderOf {
  const trustsAddress = toAddressSet(trustedGateways.filter(isAddressRange));
  const trustedNames = trustedGateways.filter((text) => !isAddressRange(text));
  return ({ values, requestHeader }) => {
    const principal = values.get(callerKey);
    // A key and the keys that it was rotated into count as one.
    if (principal !== undefined) return values.get(ownerKey) ?? `key ${principal.id}`;
    const peer = values.get(peerKey);
    const address = plainAddress(peer?.address ?? "");
    const names = peer?.certificateNames() ?? [];
    // A process on this machine is trusted only if every caller may do everything anyway.
    const isTrusted =
      trustsAddress(address) ||
      names.some((name) => fitsAny(trustedNames, name)) ||
      (!authenticates && names.length === 0 && isLoopback(address));
    const forwarded = isTrusted ? readNetwork(requestHeader.get(forwardedClientHeader)) : undefined;
    if (forwarded !== undefined) return `address ${forwarded}`;
    return names[0] === undefined ? `address ${networkOf(address)}` : `certificate ${names[0]}`;
  };
}

/**
 * What counts as one client in a header's value: an IPv4 address, an IPv6 network, or the network
 * of an address. undefined if it is not an address.
 */
function readNetwork(value: string | null): string | undefined {
  const text = value ?? "";
  if (text.length > 64 || !isAddressRange(text)) return undefined;
  return text.includes("/") ? text : networkOf(plainAddress(text));
}
