// The view of machine.
import { Loading } from "../parts/notice.tsx";

export default function View() {
  return <Loading />;
}
