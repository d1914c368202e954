// Clients of the contract over Connect, with the key of this tab.
import { type Client, createClient } from "@connectrpc/connect";
import { computed, type ReadonlySignal } from "@preact/signals";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { key } from "./session.ts";
import { createTransport } from "./transport.ts";

export type Clients = {
  readonly signals: Client<typeof SignalService>;
  readonly machines: Client<typeof MachineService>;
  readonly access: Client<typeof AccessService>;
  readonly status: Client<typeof StatusService>;
};

/** New ones whenever the key changes. */
export const clients: ReadonlySignal<Clients> = computed(() => {
  const transport = createTransport(location.origin, key.value);
  return {
    signals: createClient(SignalService, transport),
    machines: createClient(MachineService, transport),
    access: createClient(AccessService, transport),
    status: createClient(StatusService, transport),
  };
});
