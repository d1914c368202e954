// A problem of REST (RFC 9457), as the gateway sends it.
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  static async of(response: Response): Promise<HttpError> {
    const problem = (await response.json().catch(() => ({}))) as {
      detail?: unknown;
      title?: unknown;
    };
    const text = problem.detail ?? problem.title ?? response.statusText;
    return new HttpError(response.status, String(text));
  }
}
