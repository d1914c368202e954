// Makes each answer consistent with one history: if another epoch begins while an answer is read,
// it is read again, or fails so that the client retries. Data read before may have been given up
// since.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type {
  ReadSignalsResponseSchema,
  SignalService,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { Epochs } from "../domain/epochs.ts";

type Signals = ServiceImpl<typeof SignalService>;
type Messages = AsyncIterator<MessageInitShape<typeof ReadSignalsResponseSchema>>;

/** Feeds are not wrapped: they handle forks of the history themselves (see feed/fork.ts). */
export function ofOneHistory(
  service: Signals,
  epochs: Pick<Epochs, "current" | "during" | "assertStill">,
): Signals {
  const unary =
    <Request, Response>(
      answer: (request: Request, context: HandlerContext) => Promise<Response> | Response,
    ) =>
    (request: Request, context: HandlerContext): Promise<Response> =>
      epochs.during(async () => answer(request, context));
  return {
    ...service,
    listMachines: unary(service.listMachines),
    listSignals: unary(service.listSignals),
    querySignals: unary(service.querySignals),
    getLatest: unary(service.getLatest),
    aggregateSamples: unary(service.aggregateSamples),
    summarizeMachines: unary(service.summarizeMachines),
    aggregateStates: unary(service.aggregateStates),
    listStateIntervals: unary(service.listStateIntervals),
    getVersion: unary(service.getVersion),
    async *readSignals(request, context) {
      let epoch = 0;
      let messages: Messages | undefined;
      try {
        // The first message has the revision of the answer: nothing has been sent before it.
        let { done, value } = await epochs.during(async () => {
          await messages?.return?.();
          epoch = epochs.current;
          messages = service.readSignals(request, context)[Symbol.asyncIterator]();
          return messages.next();
        });
        for (; !done; { done, value } = await messages!.next()) {
          epochs.assertStill(epoch);
          yield value;
        }
      } finally {
        await messages?.return?.();
      }
    },
  };
}
