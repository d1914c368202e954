// Whose share a call counts against: the key's or token's, else the client certificate's, else the
// address it came from, or the one that a trusted gateway says it came from.
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

/** Who was found to hold the share that a call counts against. */
export const shareHolderKey = createContextKey<string>("", {
  description: "whose share the call takes",
});

/** Names who holds a share. Equal for calls of one caller. */
export type ShareHolderOf = (call: Pick<HandlerContext, "values" | "requestHeader">) => string;

export type ShareHolderOptions = {
  /**
   * Addresses, ranges, and patterns of names of client certificates of gateways whose word on the
   * client's address is taken.
   */
  trustedGateways: readonly string[];
  /**
   * Whether calls carry credentials. Where they do, those say whose they are, and the gateway
   * forwards them.
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
    // A key and those that it was rotated into are one.
    if (principal !== undefined) return values.get(ownerKey) ?? `key ${principal.id}`;
    const peer = values.get(peerKey);
    const address = plainAddress(peer?.address ?? "");
    const names = peer?.certificateNames() ?? [];
    // A process of this machine is taken at its word only where anyone may do anything anyway.
    const isTrusted =
      trustsAddress(address) ||
      names.some((name) => fitsAny(trustedNames, name)) ||
      (!authenticates && names.length === 0 && isLoopback(address));
    const said = isTrusted ? readNetwork(requestHeader.get(forwardedClientHeader)) : undefined;
    if (said !== undefined) return `address ${said}`;
    return names[0] === undefined ? `address ${networkOf(address)}` : `certificate ${names[0]}`;
  };
}

/**
 * What counts as one client in a header's value: an IPv4 address, an IPv6 network, or the network
 * of an address. undefined if it is none.
 */
function readNetwork(value: string | null): string | undefined {
  const text = value ?? "";
  if (text.length > 64 || !isAddressRange(text)) return undefined;
  return text.includes("/") ? text : networkOf(plainAddress(text));
}
