// How the gateway tells the accessor for whose address it asks: where nobody has a key, that is
// whom a share counts for.

/**
 * gRPC metadata: an IPv4 address or an IPv6 network ("2001:db8:0:1::/64"). To be believed only of
 * who speaks for others.
 */
export const forwardedClientHeader = "millrace-forwarded-client";
