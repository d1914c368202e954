// How the gateway tells the accessor the address of the client that it calls for: where no client
// has a key, shares count for each address.

/**
 * gRPC metadata: an IPv4 address or an IPv6 network ("2001:db8:0:1::/64"). Trust it only from
 * callers that may call for others.
 */
export const forwardedClientHeader = "millrace-forwarded-client";
