// GET /readyz: asks the accessor by the standard health service.
import { ConnectError } from "@connectrpc/connect";
import { HealthCheckResponse_ServingStatus as Status } from "#gen/grpc/health/v1/health_pb.ts";
import type { RestAnswer, RestCall } from "./call.ts";

/** An accessor that takes longer than this counts as not ready. */
const timeoutMs = 2_000;

/** 200 {"status": "ready"}, or 503 {"status": "not ready", "reason"}. */
export async function checkReady({
  upstream,
  unary,
}: RestCall<Record<never, never>>): Promise<RestAnswer> {
  try {
    const { status } = await upstream.health.check(
      { service: "" },
      { signal: unary.signal, timeoutMs },
    );
    if (status === Status.SERVING) return { body: { status: "ready" } };
    return notReady(
      `the accessor does not serve (${Status.NOT_SERVING === status ? "NOT_SERVING" : "UNKNOWN"})`,
    );
  } catch (error) {
    return notReady(
      `the accessor does not answer (${ConnectError.from(error).message.split("]")[0]?.slice(1)})`,
    );
  }
}

function notReady(reason: string): RestAnswer {
  return { status: 503, headers: { "retry-after": "1" }, body: { status: "not ready", reason } };
}
