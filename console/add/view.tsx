// The view of add.
import { Loading } from "../parts/notice.tsx";

export default function View() {
  return <Loading />;
}
