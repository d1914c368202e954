// Creates a service for each call, with only what the call may use.
import type { DescService } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";

// biome-ignore lint/suspicious/noExplicitAny: handlers of all shapes pass through unchanged; ServiceImpl types them at both ends
type AnyHandler = (request: any, context: HandlerContext) => any;

export function perCall<S extends DescService>(
  service: S,
  implOf: (context: HandlerContext) => ServiceImpl<S>,
): ServiceImpl<S> {
  const handlers = service.methods.map(({ localName }) => {
    const handle: AnyHandler = (request, context) =>
      (implOf(context) as Record<string, AnyHandler>)[localName]!(request, context);
    return [localName, handle] as const;
  });
  return Object.fromEntries(handlers) as unknown as ServiceImpl<S>;
}
