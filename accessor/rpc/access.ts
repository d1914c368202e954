// AccessService: tells callers their identity and permissions.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { type PrincipalSchema, Scope } from "#gen/millrace/v1/access_pb.ts";
import type { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import type { Principal } from "../../access/principal.ts";
import { callerKey } from "../access/caller.ts";

export function createAccessService(): ServiceImpl<typeof AccessService> {
  return {
    async whoAmI(_request, { values }) {
      const caller = values.get(callerKey);
      return caller === undefined ? { open: true } : { principal: toMessage(caller) };
    },
  };
}

const scopes = {
  read: Scope.READ,
  live: Scope.LIVE,
  write: Scope.WRITE,
  admin: Scope.ADMIN,
} as const;

function toMessage(principal: Principal): MessageInitShape<typeof PrincipalSchema> {
  const { id, name, machines, producers, expiresMs } = principal;
  const message = {
    id,
    name,
    scopes: principal.scopes.map((scope) => scopes[scope]),
    machines: [...machines],
    producers: [...producers],
  };
  return expiresMs === undefined ? message : { ...message, expireTime: timestampFromMs(expiresMs) };
}
