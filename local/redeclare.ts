// npm run redeclare: accessor/redeclare.ts on the database of the accessor that is meant.
import { runAdminCommand } from "./admin-command.ts";

await runAdminCommand("accessor/redeclare.ts");
