// Answers of one history each: where another epoch begins while one is read, it is read again or
// fails, to be asked for again. What has been read by then may have been given up since.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type {
  ReadSignalsResponseSchema,
  SignalService,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { Epochs } from "../domain/epochs.ts";

type Signals = ServiceImpl<typeof SignalService>;
type Messages = AsyncIterator<MessageInitShape<typeof ReadSignalsResponseSchema>>;

/** Feeds are left as they are: they are told where histories fork (see feed/fork.ts). */
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
        // The first message says of which revision the answer is: nothing has been told before it.
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
