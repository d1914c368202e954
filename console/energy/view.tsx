// The view of energy.
import { Loading } from "../parts/notice.tsx";

export default function View() {
  return <Loading />;
}
