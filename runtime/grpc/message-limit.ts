// The largest message that anybody is sent: what every gRPC client takes unless it is told
// otherwise.

export const maxSentBytes = 4 * 1024 * 1024;
