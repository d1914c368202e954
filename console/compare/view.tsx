// The view of compare.
import { Loading } from "../parts/notice.tsx";

export default function View() {
  return <Loading />;
}
