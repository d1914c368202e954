// The view of errors.
import { Loading } from "../parts/notice.tsx";

export default function View() {
  return <Loading />;
}
