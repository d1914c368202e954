// For tests of REST: answers about machines, with every field.
import type { ServiceImpl } from "@connectrpc/connect";
import type { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { toTimestamp } from "../rest/time.ts";
import { nowUs } from "./answers.ts";

export const answerMachines = (): ServiceImpl<typeof MachineService> => ({
  getMachine: ({ machine }) => ({
    machine: {
      name: machine,
      displayName: "Mill 1",
      labels: { hall: "north", line: "3" },
      signals: ["power", "state"],
      signalsLeftOut: 1,
      firstSeenTime: toTimestamp(nowUs - 1_000_000n),
    },
  }),
  updateMachine: ({ machine, displayName, labels }) => ({
    machine: { name: machine, displayName: displayName ?? "", labels, signals: [] },
  }),
});
