// The view of system.
import { Loading } from "../parts/notice.tsx";

export default function View() {
  return <Loading />;
}
