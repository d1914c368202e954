// npm run producers: accessor/producers.ts on the database of the accessor that is meant.
import { runAdminCommand } from "./admin-command.ts";

await runAdminCommand("accessor/producers.ts");
