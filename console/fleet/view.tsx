// The view of fleet.
import { Loading } from "../parts/notice.tsx";

export default function View() {
  return <Loading />;
}
